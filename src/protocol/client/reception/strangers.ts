import { Limiter, TokenBucket } from "../../guard/limiter.ts";
import type { Millis } from "../../time.ts";

/** Echo tests, new entries and answers that datagrams of strangers may cause, a second and at once. */
const OF_ADDRESS = 20;
/** ... each for itself: those who come straight, those whom our server tells of, and relays. */
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
  readonly #straight = new TokenBucket(OF_ALL, OF_ALL);
  readonly #told = new TokenBucket(OF_ALL, OF_ALL);
  readonly #relays = new TokenBucket(OF_ALL, OF_ALL);
  readonly #awaited = new TokenBucket(OF_ALL, OF_ALL);
  readonly #straightByAddress: Limiter;
  readonly #toldByAddress: Limiter;
  readonly #relaysByAddress: Limiter;
  readonly #answers: Limiter;
  readonly #awaitedAnswers: Limiter;

  /** @param key0 with `key1`, random bits: which addresses share a limit is not guessable */
  constructor(key0: number, key1: number) {
    const make = (rate: number, atOnce: number) => new Limiter(rate, atOnce, key0, key1, CELLS);
    this.#straightByAddress = make(OF_ADDRESS, OF_ADDRESS);
    this.#toldByAddress = make(OF_ADDRESS, OF_ADDRESS);
    this.#relaysByAddress = make(OF_ADDRESS, OF_ADDRESS);
    this.#answers = make(ANSWERS, ANSWERS_AT_ONCE);
    this.#awaitedAnswers = make(ANSWERS, ANSWERS_AT_ONCE);
  }

  /**
   * Whether a datagram from the IPv4 address may make an entry or an echo test; if so, it counts.
   *
   * @param isTold whether our server told of the address: others cannot use up what those may
   */
  mayMeet(address: number, isTold: boolean, now: Millis): boolean {
    return isTold
      ? this.#toldByAddress.take(address, 0, now) && this.#told.take(now)
      : this.#straightByAddress.take(address, 0, now) && this.#straight.take(now);
  }

  /** Whether a bubble may go to the mapping, of a relay or of who says it is one. */
  mayAnswer(address: number, port: number, now: Millis): boolean {
    return this.#relaysByAddress.take(address, 0, now) &&
      this.#answers.take(address, port, now) && this.#relays.take(now);
  }

  /** The same where it speaks for a host that our own waits for: nobody else can use that up. */
  mayAnswerAwaited(address: number, port: number, now: Millis): boolean {
    return this.#awaitedAnswers.take(address, port, now) && this.#awaited.take(now);
  }
}
