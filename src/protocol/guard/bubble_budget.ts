import { Limiter, TokenBucket } from "./limiter.ts";
import type { RelayOptions } from "../relay/contract.ts";
import type { Millis } from "../time.ts";

export type BubbleBudgetOptions = Pick<
  RelayOptions,
  "bubbleRate" | "addressBubbleRate" | "challengeRate"
>;

/** Why a bubble is to go out; what comes first may have what the others have to leave. */
export const Cause = {
  /** A packet came for a peer that was trusted. */
  Resume: 0,
  /** A packet came for one that never was: whoever sent it may have chosen both addresses. */
  Meet: 1,
  /** No packet came since the last bubble, which was not answered. RFC 4380 §5.4.1 case 3 */
  Repeat: 2,
} as const;
export type Cause = (typeof Cause)[keyof typeof Cause];

/** Part of a rate that may go at once, the rest flows in: so no second has more than the rate. */
const AT_ONCE = 1 / 2;
/** Part of each bucket that is for peers that were trusted. */
const RESERVE = 1 / 4;
/** Repeats, as a part of what may go to an address and to all. */
const REPEATS = 1 / 10;
/**
 * Strangers' datagrams answered for one IPv4 address, which may be a NAT with many clients, as a part
 * of the challenges to all: a second, and at once.
 */
const ANSWERS = 1 / 10;
const ANSWERS_AT_ONCE = 1 / 5;

/**
 * How many bubbles go to whom, whoever makes us send them.
 *
 * A stranger's packet names the server that its bubble goes to, and the mapped address: either may
 * be a victim's. So the limit's key is the address that bubbles go to, and there is one for all
 * together. A first bubble costs its cause a packet; repeats cost nothing, so they have a tenth.
 */
export class BubbleBudget {
  readonly #all: TokenBucket;
  readonly #byAddress: Limiter;
  readonly #repeats: TokenBucket;
  readonly #repeatsByAddress: Limiter;
  readonly #challenges: TokenBucket;
  readonly #answers: Limiter;

  /** @param key0 with `key1`, random bits: which addresses share a budget is not guessable */
  constructor(options: BubbleBudgetOptions, key0: number, key1: number) {
    const { bubbleRate, addressBubbleRate, challengeRate } = options;
    const answers = challengeRate * ANSWERS;
    const atOnce = challengeRate * ANSWERS_AT_ONCE;
    this.#all = new TokenBucket(...ofAll(bubbleRate));
    this.#repeats = new TokenBucket(...ofAll(bubbleRate * REPEATS));
    this.#byAddress = new Limiter(...ofAddress(addressBubbleRate), key0, key1);
    this.#repeatsByAddress = new Limiter(...ofAddress(addressBubbleRate * REPEATS), key0, key1);
    this.#challenges = new TokenBucket(challengeRate, challengeRate);
    this.#answers = new Limiter(answers, atOnce, key0, key1);
  }

  /** Other rates; what has been taken stays taken. */
  set(options: BubbleBudgetOptions, now: Millis): void {
    const { bubbleRate, addressBubbleRate, challengeRate } = options;
    this.#all.set(...ofAll(bubbleRate), now);
    this.#repeats.set(...ofAll(bubbleRate * REPEATS), now);
    this.#byAddress.set(...ofAddress(addressBubbleRate), now);
    this.#repeatsByAddress.set(...ofAddress(addressBubbleRate * REPEATS), now);
    this.#challenges.set(challengeRate, challengeRate, now);
    this.#answers.set(challengeRate * ANSWERS, challengeRate * ANSWERS_AT_ONCE, now);
  }

  /**
   * Whether a bubble may go to the IPv4 address now; if so, it counts as sent. One that may not takes
   * nothing of any limit: else what is refused for one would use up another, and others' bubbles with it.
   */
  take(address: number, cause: Cause, now: Millis): boolean {
    const reserve = cause === Cause.Resume ? 0 : RESERVE;
    const isThere = this.#byAddress.has(address, 0, now, reserve) && this.#all.has(now, reserve);
    if (!isThere || (cause === Cause.Repeat && !this.#takeRepeat(address, now))) return false;
    return this.#byAddress.take(address, 0, now, reserve) && this.#all.take(now, reserve);
  }

  #takeRepeat(address: number, now: Millis): boolean {
    return this.#repeats.has(now) && this.#repeatsByAddress.take(address, 0, now) &&
      this.#repeats.take(now);
  }

  /** Whether {@link take} would allow the first bubble to a stranger, which counts nothing. */
  couldMeet(address: number, now: Millis): boolean {
    return this.#byAddress.has(address, 0, now, RESERVE) && this.#all.has(now, RESERVE);
  }

  /** Whether {@link takeOfAddress} would allow a packet, which counts nothing. */
  couldCarry(address: number, now: Millis): boolean {
    return this.#byAddress.has(address, 0, now);
  }

  /** Whether a packet may go to a peer at the IPv4 address that has proven nothing; if so, it counts. */
  takeOfAddress(address: number, now: Millis): boolean {
    return this.#byAddress.take(address, 0, now);
  }

  /** Whether a datagram of a stranger at the IPv4 address may be answered at all. */
  mayAnswer(address: number, now: Millis): boolean {
    return this.#answers.take(address, 0, now);
  }

  /** Likewise for a bubble that answers a stranger. */
  takeForStranger(address: number, now: Millis): boolean {
    return this.#byAddress.has(address, 0, now, RESERVE) && this.#challenges.take(now) &&
      this.#byAddress.take(address, 0, now, RESERVE);
  }
}

/** Rate and burst of a bucket for all; 0: no limit. */
function ofAll(rate: number): [rate: number, burst: number] {
  return rate === 0 ? [Infinity, 1] : ofAddress(rate);
}

function ofAddress(rate: number): [rate: number, burst: number] {
  return [rate * (1 - AT_ONCE), rate * AT_ONCE];
}
