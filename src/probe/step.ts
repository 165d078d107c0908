import {
  RS_ATTEMPTS,
  RS_TIMEOUT,
  Solicitation,
} from "#src/protocol/client/messages/solicitation.ts";
import { NONCE_LENGTH } from "#src/protocol/wire/datagram.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Endpoint, FillRandom, ProbeSocket } from "./contract.ts";

/** The cone test's answer is only told to people; one that waits long annoys them. */
export const CONE_TIMEOUT: Millis = 1_000;
export const CONE_ATTEMPTS = 2;

export type StepName = "primary" | "cone" | "secondary";

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
  readonly solicitation = new Solicitation();

  constructor(name: StepName, to: number, from: number, local: Endpoint, random: FillRandom) {
    this.name = name;
    this.to = to;
    this.from = from;
    this.cone = name === "cone";
    this.socket = this.cone ? "cone" : "own";
    const nonce = new Uint8Array(NONCE_LENGTH);
    random(nonce);
    this.solicitation.begin(this.cone, local.address, local.port, nonce);
  }

  get deadline(): Millis {
    return this.solicitation.sentAt + (this.cone ? CONE_TIMEOUT : RS_TIMEOUT);
  }

  get exhausted(): boolean {
    return this.solicitation.attempts >= (this.cone ? CONE_ATTEMPTS : RS_ATTEMPTS);
  }
}
