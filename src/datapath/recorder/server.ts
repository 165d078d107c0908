import type { Drop } from "#src/protocol/drops.ts";
import { SECONDARY, type ServerSink, type ServerSocket } from "#src/protocol/server/contract.ts";
import type { ServerPassage } from "#src/protocol/server/rules.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { Flag } from "./entry.ts";
import type { PacketRecorder } from "./recorder.ts";

/** The server rules, with what comes to them and their verdicts recorded; what they send, sinks record. */
export class RecordedServer implements ServerPassage {
  readonly #server: ServerPassage;
  readonly #recorder: PacketRecorder;

  constructor(server: ServerPassage, recorder: PacketRecorder) {
    this.#server = server;
    this.#recorder = recorder;
  }

  fromUdp(socket: ServerSocket, arrival: UdpDatagram, now: Millis, sink: ServerSink): Drop {
    this.#recorder.came(arrival, socket === SECONDARY ? Flag.Secondary : 0);
    const drop = this.#server.fromUdp(socket, arrival, now, sink);
    this.#recorder.dealtWith(arrival, drop);
    return drop;
  }
}
