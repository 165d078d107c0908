import type { ClientParts } from "../parts.ts";
import { ECHO_MAX, ECHO_TIMEOUT, type EchoTests } from "./echo_tests.ts";
import { NO_HOME } from "../servers/homes.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";

/** Between two checks by way of one server. */
const CHECK_INTERVAL: Millis = 300_000;

/**
 * Asks one host that an operator has named, with the echo tests of any native host (RFC 4380 §5.2.9): so
 * that it is known without traffic whether there is a way to native hosts. Without a name nothing is sent.
 */
export class HostCheck {
  readonly #parts: ClientParts;
  readonly #echoTests: EchoTests;
  /** Tests of this check. */
  #sent = 0;
  #nextAt: Millis = Infinity;

  constructor(parts: ClientParts, echoTests: EchoTests) {
    this.#parts = parts;
    this.#echoTests = echoTests;
  }

  get nextAt(): Millis {
    return this.#nextAt;
  }

  /** There is a server, another one, or another host. */
  begin(now: Millis): void {
    this.#sent = 0;
    this.#nextAt = this.#parts.options().checkHost === undefined ? Infinity : now;
  }

  /** A native host answered, be it this one or another: the check has what it wants to know. */
  answered(now: Millis): void {
    if (this.#sent > 0) this.#rest(now);
  }

  /** Sends what is due. @returns whether the check has ended without an answer */
  tick(now: Millis, sink: TunnelSink): boolean {
    if (now < this.#nextAt) return false;
    const { homes, options, server } = this.#parts;
    const { checkHost } = options();
    const current = server();
    if (checkHost === undefined || current === undefined || homes.current === NO_HOME) {
      this.#nextAt = Infinity; // the next server begins it
      return false;
    }
    if (this.#sent === ECHO_MAX) {
      this.#rest(now);
      return true;
    }
    this.#sent++;
    this.#nextAt = now + ECHO_TIMEOUT;
    const home = homes.bytes(homes.current);
    this.#echoTests.send(home, checkHost, 0, current.primary, now, sink);
    return false;
  }

  #rest(now: Millis): void {
    this.#sent = 0;
    this.#nextAt = now + CHECK_INTERVAL;
  }
}
