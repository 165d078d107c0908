import type { Counters } from "../../counters.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Millis } from "../../time.ts";
import type { Nonces } from "../nonces.ts";
import type { Server } from "./server.ts";
import { Solicitor } from "../messages/solicitor.ts";
import type { TunnelSink } from "../../tunnel.ts";

/** Asks servers, each question by a nonce of its own, as often as it may be repeated. RFC 4380 §5.2.1 */
export class Questions {
  readonly #nonces: Nonces;
  readonly #solicitor: Solicitor;

  constructor(nonces: Nonces, counters: Counters) {
    this.#nonces = nonces;
    this.#solicitor = new Solicitor(counters);
  }

  /** @param silentSince see {@link Inquiry.begin} */
  ask(inquiry: Inquiry, attempts: number, now: Millis, silentSince: Millis = now): void {
    inquiry.begin(attempts, this.#nonces.draw(), now, silentSince);
  }

  /** Sends what is due to one server, and closes what is over. @param isCurrent the one in use */
  drive(server: Server, isCurrent: boolean, now: Millis, sink: TunnelSink): void {
    const { inquiry, comparison } = server;
    if (now >= server.checkAt) {
      server.planCheck(now, this.#nonces);
      if (!isCurrent && !inquiry.isOpen) this.ask(inquiry, 1, now);
    }
    if (now >= inquiry.nextAt) {
      if (inquiry.mayRepeat) this.#send(inquiry, server.primary, now, sink);
      else {
        inquiry.close();
        server.isLive = false;
        if (server.checkAt === Infinity) server.planCheck(now, this.#nonces);
      }
    }
    if (now < comparison.nextAt) return;
    if (comparison.mayRepeat) this.#send(comparison, server.secondary, now, sink);
    else comparison.close();
  }

  #send(inquiry: Inquiry, address: number, now: Millis, sink: TunnelSink): void {
    inquiry.sent(now);
    this.#solicitor.send(inquiry.solicitation, address, now, sink);
  }
}
