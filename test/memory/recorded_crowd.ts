import { RecordedTunnel } from "#src/datapath/recorder/tunnel.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Tape } from "#src/datapath/recorder/tape.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { KeyedHash, Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { Crowd } from "./crowd.ts";

/** A crowd whose packets are recorded, as a loop has them recorded. */
export class RecordedCrowd extends Crowd {
  readonly tape = new Tape();
  readonly #recorder: PacketRecorder;

  constructor(options: Partial<RelayOptions>, hash: KeyedHash) {
    super(options, hash);
    this.#recorder = new PacketRecorder(this.tape, this.bytes, this.counters, () => 0);
    this.passage = new RecordedTunnel(this.relay, this.#recorder);
  }

  begin(now: Millis): void {
    this.#recorder.begin(now);
  }

  end(): void {
    this.#recorder.end();
  }

  override sendDatagram(datagram: UdpDatagram): void {
    this.#recorder.sent(datagram);
    super.sendDatagram(datagram);
  }

  override sendIpv6(): void {
    this.#recorder.passed();
    super.sendIpv6();
  }
}
