import type { Drop } from "#src/protocol/drops.ts";
import type { ServerSink, ServerSocket } from "#src/protocol/server/contract.ts";
import type { Server, ServerPassage } from "#src/protocol/server/rules.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { FateRecorder } from "./recorder.ts";

/**
 * What datagrams are to be given to from here on, so that `fates` hears of them: with nobody to hear,
 * the rules themselves.
 */
export function serverWatchedBy(server: Server, fates: FateRecorder | null): ServerPassage {
  return fates === null ? server : new ObservedServer(server, fates);
}

/** The server rules, with what becomes of some peers' packets written down. */
class ObservedServer implements ServerPassage {
  readonly #server: Server;
  readonly #fates: FateRecorder;
  readonly #sink: ObservedSink;

  constructor(server: Server, fates: FateRecorder) {
    this.#server = server;
    this.#fates = fates;
    this.#sink = new ObservedSink(fates);
  }

  fromUdp(socket: ServerSocket, arrival: UdpDatagram, now: Millis, sink: ServerSink): Drop {
    this.#fates.beginDatagram(arrival);
    const drop = this.#server.fromUdp(socket, arrival, now, this.#sink.to(sink));
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
