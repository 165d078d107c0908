import type { Millis } from "#src/protocol/time.ts";

/** Times that something is put right at once. */
export const FREE_ATTEMPTS = 20;
/** After so long one of them is forgotten. */
export const FORGET: Millis = 5_000;
/** The wait after one more than those; each further one doubles it. */
const FIRST_WAIT: Millis = 1_000;

/**
 * When something may be put right once more, so that two programs do not fight at full speed. As waits
 * double while attempts are forgotten, a fight comes to about one attempt in {@link FORGET}.
 */
export class Patience {
  #attempts = 0;
  #last: Millis = -Infinity;
  #isFighting = false;

  mayTry(now: Millis): boolean {
    const beyond = this.#attempts - FREE_ATTEMPTS;
    return beyond <= 0 || now - this.#last >= FIRST_WAIT * 2 ** (beyond - 1);
  }

  /** @returns whether this is where a fight begins */
  tried(now: Millis): boolean {
    this.#attempts = Math.max(0, this.#attempts - (now - this.#last) / FORGET) + 1;
    this.#last = now;
    const was = this.#isFighting;
    this.#isFighting = this.#attempts > (was ? FREE_ATTEMPTS / 2 : FREE_ATTEMPTS);
    return this.#isFighting && !was;
  }
}
