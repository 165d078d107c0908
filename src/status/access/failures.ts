import type { Millis } from "#src/protocol/time.ts";

/** See docs/limits.md. */
const MAX_SOURCES = 1_024;
const BURST = 10;
/** Until one more is allowed. */
const REFILL: Millis = 6_000;

/**
 * Wrong tokens, by who sent them. It is the guesser that gives the key, so that he can use up his own
 * allowance and nobody else's. When there are more guessers than places, who has kept still longest
 * makes room.
 */
export class Failures {
  /** When a source's allowance is whole again; who failed last stands last. */
  readonly #wholeAt = new Map<string, Millis>();

  /**
   * @param now of a clock that only goes forward
   * @returns how long the source has to wait; 0: it had one left
   */
  add(source: string, now: Millis): Millis {
    const wholeAt = Math.max(this.#wholeAt.get(source) ?? now, now);
    this.#wholeAt.delete(source);
    if (this.#wholeAt.size >= MAX_SOURCES) this.#wholeAt.delete(this.#wholeAt.keys().next().value!);
    const over = wholeAt - now - (BURST - 1) * REFILL;
    this.#wholeAt.set(source, over > 0 ? wholeAt : wholeAt + REFILL);
    return Math.max(0, over);
  }

  get size(): number {
    return this.#wholeAt.size;
  }
}
