import type { Millis } from "#src/protocol/time.ts";
import type { Clock } from "./clock.ts";

/** So many delays at the most: what changes without end is taken as it is. */
const DELAYS_MAX = 8;

/** Tells of a value that changes once it has been the same for a while, or another one each time for long. */
export class Settled<T> {
  readonly #clock: Clock;
  readonly #delay: Millis;
  readonly #keyOf: (value: T) => string;
  readonly #changed: (value: T, before: T) => void;
  #value: T;
  #next: string | undefined;
  /** When the first of those came that have not been told of. */
  #since: Millis = 0;
  #cancel = () => {};

  /**
   * @param keyOf two values with the same key are the same
   * @param changed told of the value that it is now
   */
  constructor(
    clock: Clock,
    delay: Millis,
    first: T,
    keyOf: (value: T) => string,
    changed: (value: T, before: T) => void,
  ) {
    this.#clock = clock;
    this.#delay = delay;
    this.#value = first;
    this.#keyOf = keyOf;
    this.#changed = changed;
  }

  get value(): T {
    return this.#value;
  }

  look(value: T): void {
    const key = this.#keyOf(value);
    if (key === this.#keyOf(this.#value)) return this.close();
    if (key === this.#next) return;
    this.#cancel();
    const now = this.#clock.now();
    if (this.#next === undefined) this.#since = now;
    this.#next = key;
    const left = this.#since + DELAYS_MAX * this.#delay - now;
    this.#cancel = this.#clock.after(Math.max(0, Math.min(this.#delay, left)), () => {
      this.#next = undefined;
      const before = this.#value;
      this.#value = value;
      this.#changed(value, before);
    });
  }

  /** What waits is not told of. */
  close(): void {
    this.#cancel();
    this.#next = undefined;
  }
}
