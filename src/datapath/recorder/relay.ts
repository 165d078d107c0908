import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { PacketRecorder } from "./recorder.ts";

/** The relay rules, with what comes to them and their verdicts recorded; what they send, sinks record. */
export class RecordedRelay implements TunnelRules {
  readonly #relay: TunnelRules;
  readonly #recorder: PacketRecorder;

  constructor(relay: TunnelRules, recorder: PacketRecorder) {
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
    sink: TunnelSink,
    packets = 1,
    bytes = length,
  ): Drop {
    this.#recorder.cameIpv6(b, at, length, packets, bytes);
    const drop = this.#relay.fromIpv6(b, at, length, now, sink, packets, bytes);
    this.#recorder.dealtWithIpv6(drop);
    return drop;
  }

  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    this.#recorder.came(arrival);
    const drop = this.#relay.fromUdp(arrival, now, sink);
    this.#recorder.dealtWith(arrival, drop);
    return drop;
  }

  nextTimer(): Millis {
    return this.#relay.nextTimer();
  }

  tick(now: Millis, sink: TunnelSink): void {
    this.#relay.tick(now, sink);
  }
}
