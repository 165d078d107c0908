import type { Counters } from "#src/protocol/counters.ts";
import type { Drop } from "#src/protocol/drops.ts";
import type {
  Authenticate,
  ServerOptions,
  ServerSink,
  ServerSocket,
} from "#src/protocol/server/contract.ts";
import { Server } from "#src/protocol/server/rules.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { type FateOptions, FateRecorder } from "./recorder.ts";

/** The server rules, with what becomes of one peer's packets written down. */
export class ObservedServer extends Server {
  readonly #fates: FateRecorder;
  readonly #sink: ObservedSink;

  constructor(
    options: ServerOptions,
    counters: Counters,
    authenticate: Authenticate,
    key0: number,
    key1: number,
    observed: FateOptions,
  ) {
    super(options, counters, authenticate, key0, key1);
    this.#fates = new FateRecorder(observed, counters, options.prefix);
    this.#sink = new ObservedSink(this.#fates);
  }

  override fromUdp(
    socket: ServerSocket,
    arrival: UdpDatagram,
    now: Millis,
    sink: ServerSink,
  ): Drop {
    this.#fates.beginDatagram(arrival);
    const drop = super.fromUdp(socket, arrival, now, this.#sink.to(sink));
    this.#fates.end(drop);
    return drop;
  }
}

/** Passes on to the sink that it was last set to. */
class ObservedSink implements ServerSink {
  readonly #fates: FateRecorder;
  #sink: ServerSink | undefined;

  constructor(fates: FateRecorder) {
    this.#fates = fates;
  }

  to(sink: ServerSink): this {
    this.#sink = sink;
    return this;
  }

  sendDatagram(socket: ServerSocket, datagram: UdpDatagram): void {
    this.#fates.sent(datagram);
    this.#sink!.sendDatagram(socket, datagram);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    this.#fates.passed();
    this.#sink!.sendIpv6(b, at, length);
  }
}
