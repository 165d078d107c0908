import type { TunnelRules, TunnelSink } from "#src/protocol/tunnel.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { LetGo } from "#src/protocol/peers/hold.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { FateRecorder } from "./recorder.ts";

/** Who hears of held packets that are not sent. */
export interface LetGoListener {
  readonly letGo: LetGo;
}

/** Rules that tell of these; undefined: nobody is told. */
export interface WatchedRules extends TunnelRules {
  onLetGo: LetGo | undefined;
}

/**
 * What packets are to be given to from here on, so that `fates` hears of them: with nobody to hear,
 * the rules themselves.
 *
 * @param other who hears of held packets in any case
 */
export function tunnelWatchedBy(
  rules: WatchedRules,
  fates: FateRecorder | null,
  other?: LetGoListener,
): TunnelRules {
  const listeners = [fates, other].filter((it) => it !== null && it !== undefined);
  rules.onLetGo = listeners.length === 0
    ? undefined
    : (...held) => listeners.forEach((it) => it.letGo(...held));
  return fates === null ? rules : new ObservedTunnel(rules, fates);
}

/** The rules, with what becomes of some peers' packets written down. */
class ObservedTunnel implements TunnelRules {
  readonly #rules: TunnelRules;
  readonly #fates: FateRecorder;
  readonly #sink: ObservedSink;
  readonly #timerSink: ObservedTimerSink;

  constructor(rules: TunnelRules, fates: FateRecorder) {
    this.#rules = rules;
    this.#fates = fates;
    this.#sink = new ObservedSink(fates);
    this.#timerSink = new ObservedTimerSink(fates);
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
    this.#fates.beginPacket(b, at, length);
    const drop = this.#rules.fromIpv6(b, at, length, now, this.#sink.to(sink), packets, bytes);
    this.#fates.end(drop);
    return drop;
  }

  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    this.#fates.beginDatagram(arrival);
    const drop = this.#rules.fromUdp(arrival, now, this.#sink.to(sink));
    this.#fates.end(drop);
    return drop;
  }

  nextTimer(): Millis {
    return this.#rules.nextTimer();
  }

  tick(now: Millis, sink: TunnelSink): void {
    this.#rules.tick(now, this.#timerSink.to(sink));
  }
}

/** Passes on to the sink that it was last set to. */
abstract class PassingSink implements TunnelSink {
  protected readonly fates: FateRecorder;
  #sink: TunnelSink | undefined;

  constructor(fates: FateRecorder) {
    this.fates = fates;
  }

  to(sink: TunnelSink): this {
    this.#sink = sink;
    return this;
  }

  sendDatagram(datagram: UdpDatagram): void {
    this.#sink!.sendDatagram(datagram);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    this.#sink!.sendIpv6(b, at, length);
  }

  sendIcmpv6Error(b: Uint8Array, at: number, length: number): void {
    this.#sink!.sendIcmpv6Error(b, at, length);
  }
}

class ObservedSink extends PassingSink {
  override sendDatagram(datagram: UdpDatagram): void {
    this.fates.sent(datagram);
    super.sendDatagram(datagram);
  }

  override sendIpv6(b: Uint8Array, at: number, length: number): void {
    this.fates.passed();
    super.sendIpv6(b, at, length);
  }
}

class ObservedTimerSink extends PassingSink {
  override sendDatagram(datagram: UdpDatagram): void {
    this.fates.sentByTimer(datagram);
    super.sendDatagram(datagram);
  }

  override sendIcmpv6Error(b: Uint8Array, at: number, length: number): void {
    this.fates.refusedByTimer(b, at, length);
    super.sendIcmpv6Error(b, at, length);
  }
}
