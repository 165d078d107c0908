import { AdvertisementReader } from "../messages/advertisement.ts";
import { type ClientHost, type Filtering, FILTERING_PATH } from "../contract.ts";
import type { TeredoDatagram } from "../../wire/datagram.ts";
import { Drop } from "../../drops.ts";
import { Inquiry } from "./inquiry.ts";
import type { ClientParts } from "../parts.ts";
import type { Server } from "./server.ts";
import { Solicitor } from "../messages/solicitor.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** What is asked of a server by a port of the test's own. */
interface Questions {
  readonly server: Server;
  /** With the cone flag: the secondary address answers, which nothing was sent to. RFC 4380 §5.3.1 */
  readonly cone: Inquiry;
  /** Without: silence to the other one says something only if this is answered. */
  readonly plain: Inquiry;
}

/**
 * Whether the NAT lets in datagrams of who was sent none (RFC 4787 §5): for who asks what kind it is;
 * nothing here goes by it. The service port would tell nothing, for that has let the secondary address in.
 *
 * No cone step of the qualification, which RFC 5991 §3.2 leaves out: no address ever has the flag.
 */
export class FilteringTest {
  /** Grows whenever the result is another one. */
  changes = 0;
  readonly #parts: ClientParts;
  readonly #host: ClientHost;
  readonly #advertisement = new AdvertisementReader();
  readonly #solicitor: Solicitor;
  #isWanted = false;
  #questions: Questions | undefined;

  constructor(parts: ClientParts, host: ClientHost) {
    this.#parts = parts;
    this.#host = host;
    this.#solicitor = new Solicitor(parts.counters);
  }

  /** There is another mapping: what gave it is not known. */
  forget(): void {
    this.#end("unknown");
    this.#isWanted = true;
  }

  /** Nobody is to be asked any more. */
  stop(): void {
    if (this.#questions !== undefined) this.#end("unknown");
  }

  /** The secondary address of the server in use answers when it is asked itself. */
  begin(server: Server, now: Millis, sink: TunnelSink): void {
    if (!this.#isWanted || this.#host.openPort(FILTERING_PATH) === 0) return;
    this.#isWanted = false;
    const { nonces, options } = this.#parts;
    const { identity } = options();
    const questions = { server, cone: new Inquiry(identity, true), plain: new Inquiry(identity) };
    questions.cone.begin(1, nonces.draw(), now);
    questions.plain.begin(1, nonces.draw(), now);
    this.#questions = questions;
    this.tick(now, sink);
  }

  get nextAt(): Millis {
    const questions = this.#questions;
    return questions === undefined
      ? Infinity
      : Math.min(questions.cone.nextAt, questions.plain.nextAt);
  }

  tick(now: Millis, sink: TunnelSink): void {
    const questions = this.#questions;
    if (questions === undefined || now < this.nextAt) return;
    const { server, cone, plain } = questions;
    // It has gone from the list, or another one is used: its answers are no longer taken.
    if (server !== this.#parts.server()) return this.#end("unknown");
    if (now >= cone.nextAt && !cone.mayRepeat) {
      return this.#end(plain.isOpen ? "unknown" : "dependent");
    }
    for (const inquiry of [cone, plain]) {
      if (now < inquiry.nextAt || !inquiry.mayRepeat) continue;
      inquiry.sent(now);
      this.#solicitor.send(inquiry.solicitation, server.primary, now, sink, FILTERING_PATH);
    }
  }

  /** An advertisement that came by {@link FILTERING_PATH} from an address of a server's. */
  receive(arrival: UdpDatagram, d: TeredoDatagram): Drop {
    const questions = this.#questions;
    if (questions === undefined) return Drop.NotAccepted;
    const { bytes: b, address } = arrival;
    const { server, cone, plain } = questions;
    const isStranger = address === server.secondary;
    if (!isStranger && address !== server.primary) return Drop.NotAccepted;
    const { prefix } = this.#parts.options();
    const { solicitation } = isStranger ? cone : plain;
    const drop = this.#advertisement.read(b, d, solicitation, prefix, server.primary);
    if (drop !== Drop.None) return drop;
    if (this.#advertisement.confirmation !== 0) return Drop.AuthenticationFailed;
    if (isStranger) this.#end("endpoint_independent");
    else plain.close();
    return Drop.None;
  }

  #end(filtering: Filtering): void {
    if (this.#questions !== undefined) this.#host.closePort(FILTERING_PATH);
    this.#questions = undefined;
    this.#isWanted = false;
    const { nat } = this.#parts;
    if (nat.filtering !== filtering) this.changes++;
    nat.filtering = filtering;
  }
}
