import type { Millis } from "#src/protocol/time.ts";
import type { Clock } from "./clock.ts";

/** Tells of a value that changes once it has been the same for a while. */
export class Settled<T> {
  readonly #clock: Clock;
  readonly #delay: Millis;
  readonly #keyOf: (value: T) => string;
  readonly #changed: (value: T, before: T) => void;
  #value: T;
  #next: string | undefined;
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
    this.#next = key;
    this.#cancel = this.#clock.after(this.#delay, () => {
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
