import {
  type ClientIdentity,
  RS_ATTEMPTS,
  Solicitation,
} from "#src/protocol/client/messages/solicitation.ts";
import { NONCE_LENGTH } from "#src/protocol/wire/datagram.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Endpoint, FillRandom, ProbeSocket, StepName } from "./contract.ts";

/** The cone test's answer is only told to people; one that waits long annoys them. */
export const CONE_TIMEOUT: Millis = 1_000;
export const CONE_ATTEMPTS = 2;

/** One step of qualification: a solicitation, where it goes, and how long its answer is waited for. */
export class Step {
  readonly name: StepName;
  /** Where it goes. */
  readonly to: number;
  /** Where the answer comes from: the server's other address when the cone bit is set. §5.3.2 */
  readonly from: number;
  /** By which it goes, and its answer comes. */
  readonly socket: ProbeSocket;
  readonly cone: boolean;
  readonly solicitation: Solicitation;
  readonly #timeout: Millis;

  /** @param timeout how long an answer is waited for; the cone test's wait is no longer than its own */
  constructor(
    name: StepName,
    to: number,
    from: number,
    local: Endpoint,
    timeout: Millis,
    random: FillRandom,
    identity: ClientIdentity | undefined,
  ) {
    this.name = name;
    this.to = to;
    this.from = from;
    this.cone = name === "cone";
    this.#timeout = this.cone ? Math.min(timeout, CONE_TIMEOUT) : timeout;
    this.socket = this.cone ? "cone" : "own";
    const nonce = new Uint8Array(NONCE_LENGTH);
    random(nonce);
    this.solicitation = new Solicitation(identity);
    this.solicitation.begin(this.cone, local.address, local.port, nonce);
  }

  get deadline(): Millis {
    return this.solicitation.sentAt + this.#timeout;
  }

  get exhausted(): boolean {
    return this.solicitation.attempts >= (this.cone ? CONE_ATTEMPTS : RS_ATTEMPTS);
  }
}
