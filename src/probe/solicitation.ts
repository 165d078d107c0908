import { writeAuthentication, writeRouterSolicitation } from "#src/protocol/wire/build.ts";
import { NONCE_LENGTH } from "#src/protocol/wire/datagram.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { CONE_FLAG, writeLinkLocal } from "#src/protocol/wire/teredo_address.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { Endpoint, FillRandom, ProbeSocket } from "./contract.ts";

/** RFC 4380 §5.2.1: T and N. */
export const RS_TIMEOUT: Millis = 4_000;
export const RS_ATTEMPTS = 3;
/** The cone test's answer is only told to people; one that waits long annoys them. */
export const CONE_TIMEOUT: Millis = 1_000;
export const CONE_ATTEMPTS = 2;

export type Step = "primary" | "cone" | "secondary";

const NOTHING = new Uint8Array(0);

/** One router solicitation with its repetitions, until it is answered or given up. */
export class Solicitation {
  readonly step: Step;
  /** Where it goes. */
  readonly to: number;
  /** Where the answer comes from: the server's other address when the cone bit is set. §5.3.2 */
  readonly from: number;
  /** By which it goes, and its answer comes. */
  readonly socket: ProbeSocket;
  readonly cone: boolean;
  /** 16 bytes; its lower half has the layout of a Teredo address. RFC 4380 §4 */
  readonly linkLocal = new Uint8Array(IPV6_LENGTH);
  /** Stays the same in repetitions, so that a late answer still counts. */
  readonly nonce = new Uint8Array(NONCE_LENGTH);
  attempts = 0;
  sentAt: Millis = 0;

  constructor(step: Step, to: number, from: number, local: Endpoint, random: FillRandom) {
    this.step = step;
    this.to = to;
    this.from = from;
    this.cone = step === "cone";
    this.socket = this.cone ? "cone" : "own";
    writeLinkLocal(this.linkLocal, 0, this.cone ? CONE_FLAG : 0, local.address, local.port);
    random(this.nonce);
  }

  get deadline(): Millis {
    return this.sentAt + (this.cone ? CONE_TIMEOUT : RS_TIMEOUT);
  }

  get exhausted(): boolean {
    return this.attempts >= (this.cone ? CONE_ATTEMPTS : RS_ATTEMPTS);
  }

  /** 61 bytes at the start of `b`: authentication with a nonce only, then the solicitation. */
  write(b: Uint8Array, now: Millis): number {
    this.attempts++;
    this.sentAt = now;
    const at = writeAuthentication(b, 0, NOTHING, NOTHING, this.nonce, 0, 0);
    return writeRouterSolicitation(b, at, this.linkLocal, 0);
  }
}
