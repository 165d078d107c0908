import { Limiter, TokenBucket } from "../../guard/limiter.ts";
import type { Millis } from "../../time.ts";

/** Echo tests and new entries that datagrams of strangers may cause, a second and at once. */
const OF_ADDRESS = 20;
const OF_ALL = 100;
/** Bubbles to one mapping that a server names as an origin, a second; and at once. RFC 4380 §5.2.6 */
const ANSWERS = 0.5;
const ANSWERS_AT_ONCE = 2;
const CELLS = 4_096;

/**
 * What those may have us do who have proven nothing: each datagram of theirs at most one of ours, and
 * few of these. RFC 4380 §5.2.3 case 6 would ping any host at a stranger's word.
 */
export class Strangers {
  readonly #all = new TokenBucket(OF_ALL, OF_ALL);
  readonly #byAddress: Limiter;
  readonly #answers: Limiter;

  /** @param key0 with `key1`, random bits: which addresses share a limit is not guessable */
  constructor(key0: number, key1: number) {
    this.#byAddress = new Limiter(OF_ADDRESS, OF_ADDRESS, key0, key1, CELLS);
    this.#answers = new Limiter(ANSWERS, ANSWERS_AT_ONCE, key0, key1, CELLS);
  }

  /** Whether a datagram from the IPv4 address may make an entry or an echo test; if so, it counts. */
  mayMeet(address: number, now: Millis): boolean {
    return this.#byAddress.take(address, 0, now) && this.#all.take(now);
  }

  /** Whether a bubble may go to the mapping, of a relay or of who says it is one. */
  mayAnswer(address: number, port: number, now: Millis): boolean {
    return this.#answers.take(address, port, now) && this.#all.take(now);
  }
}
