import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { PacketRecorder } from "./recorder.ts";

/** The rules of a tunnel, with what comes to them and their verdicts recorded; what they send, sinks record. */
export class RecordedTunnel implements TunnelRules {
  readonly #rules: TunnelRules;
  readonly #recorder: PacketRecorder;

  constructor(rules: TunnelRules, recorder: PacketRecorder) {
    this.#rules = rules;
    this.#recorder = recorder;
  }

  isOpen(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    return this.#rules.isOpen(b, at, length, now);
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
    const drop = this.#rules.fromIpv6(b, at, length, now, sink, packets, bytes);
    this.#recorder.dealtWithIpv6(drop);
    return drop;
  }

  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    this.#recorder.came(arrival);
    const drop = this.#rules.fromUdp(arrival, now, sink);
    this.#recorder.dealtWith(arrival, drop);
    return drop;
  }

  nextTimer(): Millis {
    return this.#rules.nextTimer();
  }

  tick(now: Millis, sink: TunnelSink): void {
    this.#rules.tick(now, sink);
  }
}
