import type { Drop } from "#src/protocol/drops.ts";
import type { RelaySink } from "#src/protocol/relay/contract.ts";
import type { RelayPassage } from "#src/protocol/relay/rules.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { PacketRecorder } from "./recorder.ts";

/** The relay rules, with what comes to them and their verdicts recorded; what they send, sinks record. */
export class RecordedRelay implements RelayPassage {
  readonly #relay: RelayPassage;
  readonly #recorder: PacketRecorder;

  constructor(relay: RelayPassage, recorder: PacketRecorder) {
    this.#relay = relay;
    this.#recorder = recorder;
  }

  isOpen(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    return this.#relay.isOpen(b, at, length, now);
  }

  fromIpv6(
    b: Uint8Array,
    at: number,
    length: number,
    now: Millis,
    sink: RelaySink,
    packets = 1,
    bytes = length,
  ): Drop {
    this.#recorder.cameIpv6(b, at, length, packets, bytes);
    const drop = this.#relay.fromIpv6(b, at, length, now, sink, packets, bytes);
    this.#recorder.dealtWithIpv6(drop);
    return drop;
  }

  fromClient(arrival: UdpDatagram, now: Millis, sink: RelaySink): Drop {
    this.#recorder.came(arrival);
    const drop = this.#relay.fromClient(arrival, now, sink);
    this.#recorder.dealtWith(arrival, drop);
    return drop;
  }

  tick(now: Millis, sink: RelaySink): void {
    this.#relay.tick(now, sink);
  }
}
