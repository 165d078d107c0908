import type { Counters } from "#src/protocol/counters.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type { RelayOptions, RelaySink } from "#src/protocol/relay/contract.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import type { KeyedHash, Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { type FateOptions, FateRecorder } from "./recorder.ts";

/** The relay rules, with what becomes of one peer's packets written down. */
export class ObservedRelay extends Relay {
  readonly #fates: FateRecorder;
  readonly #sink: ObservedSink;
  readonly #timerSink: ObservedTimerSink;

  constructor(
    options: RelayOptions,
    counters: Counters,
    hash: KeyedHash,
    seed: number,
    observed: FateOptions,
  ) {
    const fates = new FateRecorder(observed, counters, options.prefix);
    super(options, counters, hash, seed, (b, at, length, drop) => {
      fates.letGo(b, at, length, drop);
    });
    this.#fates = fates;
    this.#sink = new ObservedSink(fates);
    this.#timerSink = new ObservedTimerSink(fates);
  }

  override fromIpv6(
    b: Uint8Array,
    at: number,
    length: number,
    now: Millis,
    sink: RelaySink,
    packets = 1,
    bytes = length,
  ): Drop {
    this.#fates.beginPacket(b, at, length);
    const drop = super.fromIpv6(b, at, length, now, this.#sink.to(sink), packets, bytes);
    this.#fates.end(drop);
    return drop;
  }

  override fromClient(arrival: UdpDatagram, now: Millis, sink: RelaySink): Drop {
    this.#fates.beginDatagram(arrival);
    const drop = super.fromClient(arrival, now, this.#sink.to(sink));
    this.#fates.end(drop);
    return drop;
  }

  override tick(now: Millis, sink: RelaySink): void {
    super.tick(now, this.#timerSink.to(sink));
  }
}

/** Passes on to the sink that it was last set to. */
abstract class PassingSink implements RelaySink {
  protected readonly fates: FateRecorder;
  #sink: RelaySink | undefined;

  constructor(fates: FateRecorder) {
    this.fates = fates;
  }

  to(sink: RelaySink): this {
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
