import { Links } from "./links.ts";
import type { Millis } from "../time.ts";

/** A timer fires at the first multiple of this at or after its time: never early. */
export const TIMER_STEP: Millis = 100;

/** Steps ahead that a timer can be set: 409.6 s, past the longest wait of the relay. */
const STEPS = 4_096;

/**
 * One timer for each id 1..capacity: a wheel of lists, one a step, with a bit for each list that
 * is not empty. Setting, cancelling and taking are O(1).
 *
 * A time further ahead than the wheel reaches fires early, at the wheel's end: who takes a timer
 * looks at the clock and sets it anew when its time has not come.
 */
export class Timers {
  readonly #links: Links;
  /** Absolute step of each id's timer, modulo STEPS, plus one; 0: not set. */
  readonly #slot: Uint16Array;
  readonly #bits = new Int32Array(STEPS / 32);
  /** Absolute step: all timers up to it have been taken. */
  #done = 0;
  /** Absolute step of the earliest timer, when {@link #sought} is true. */
  #earliest = 0;
  #sought = false;
  #count = 0;

  constructor(capacity: number) {
    this.#links = new Links(capacity, STEPS);
    this.#slot = new Uint16Array(capacity + 1);
  }

  /** Timers that are set. */
  get count(): number {
    return this.#count;
  }

  /** Sets the timer of `id`, instead of the one it may have. */
  set(id: number, at: Millis, now: Millis): void {
    this.cancel(id);
    if (this.#count === 0) this.#done = Math.max(this.#done, Math.floor(now / TIMER_STEP));
    let step = Math.max(Math.ceil(at / TIMER_STEP), this.#done + 1);
    step = Math.min(step, this.#done + STEPS - 1);
    const slot = step % STEPS;
    this.#links.append(slot, id);
    this.#slot[id] = slot + 1;
    this.#bits[slot >> 5]! |= 1 << (slot & 31);
    if (this.#count++ === 0) this.#sought = false;
    if (this.#sought && step < this.#earliest) this.#earliest = step;
  }

  cancel(id: number): void {
    const slot = this.#slot[id]! - 1;
    if (slot < 0) return;
    this.#slot[id] = 0;
    this.#links.remove(slot, id);
    this.#count--;
    if (this.#links.first(slot) !== 0) return;
    this.#bits[slot >> 5]! &= ~(1 << (slot & 31));
    this.#sought = false;
  }

  /** Absolute time of the earliest timer; Infinity when none is set. */
  next(): Millis {
    if (this.#count === 0) return Infinity;
    if (!this.#sought) this.#seek();
    return this.#earliest * TIMER_STEP;
  }

  /** Takes a timer whose time has come and returns its id; 0 when there is none. */
  take(now: Millis): number {
    if (this.next() > now) return 0;
    this.#done = this.#earliest - 1;
    const id = this.#links.first(this.#earliest % STEPS);
    this.cancel(id);
    return id;
  }

  /** Finds the first bit that is set after {@link #done}, once around. */
  #seek(): void {
    const from = this.#done + 1;
    const slot = from % STEPS;
    const words = STEPS / 32;
    let word = slot >> 5;
    let bits = this.#bits[word]! & (-1 << (slot & 31));
    for (let i = 0; bits === 0 && i < words; i++) {
      word = (word + 1) % words;
      bits = this.#bits[word]!;
    }
    const found = word * 32 + 31 - Math.clz32(bits & -bits);
    this.#earliest = from + ((found - slot + STEPS) % STEPS);
    this.#sought = true;
  }
}
