import type { Millis } from "#src/protocol/time.ts";

/** So much more between two looks than there should be is no busy machine. */
const JUMP: Millis = 5_000;

/** Notices that the machine, or this process, stood still: NATs have forgotten us meanwhile. */
export class Sleep {
  readonly #clock: () => Millis;
  readonly #interval: Millis;
  #last: Millis;

  /**
   * @param clock goes on while the machine sleeps
   * @param interval between two looks
   */
  constructor(clock: () => Millis, interval: Millis) {
    this.#clock = clock;
    this.#interval = interval;
    this.#last = clock();
  }

  /** @returns how long it stood still; 0: it did not */
  look(): Millis {
    const now = this.#clock();
    const jumped = now - this.#last - this.#interval;
    this.#last = now;
    return jumped > JUMP ? jumped : 0;
  }
}
