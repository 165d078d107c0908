/** Why nobody answered. */
export class NoAnswer extends Error {}

/** One after the other, and no more than so many waiting. */
export class Turns {
  readonly #most: number;
  readonly #refusal: string;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /**
   * @param most that wait, the one whose turn it is among them; see docs/limits.md
   * @param refusal what the next one is told
   */
  constructor(most: number, refusal: string) {
    this.#most = most;
    this.#refusal = refusal;
  }

  /** Runs `make` when those before it have ended, however they did. @throws NoAnswer */
  take<T>(make: () => Promise<T>): Promise<T> {
    if (this.#waiting >= this.#most) return Promise.reject(new NoAnswer(this.#refusal));
    this.#waiting++;
    const made = this.#last.then(make).finally(() => this.#waiting--);
    this.#last = made.catch(() => {});
    return made;
  }
}
