import { NO_LEASE } from "./leases.ts";
import type { Millis } from "#src/protocol/time.ts";

/** How long a slot that is given back rests: a program may still be at work on it. */
export const SLOT_REST: Millis = 1_000;

/**
 * Which slots of a range are free: first those that were never used, then those that have rested,
 * longest first.
 */
export class SlotPool {
  readonly #end: number;
  /** Slots from here on were never used. */
  #unused: number;
  /** A ring of those that were given back, and when. */
  readonly #resting: Uint32Array;
  readonly #since: Float64Array;
  #first = 0;
  #count = 0;

  /** @param from first slot, which is not {@link NO_LEASE} @param end behind the last */
  constructor(from: number, end: number) {
    this.#unused = from;
    this.#end = end;
    this.#resting = new Uint32Array(end - from);
    this.#since = new Float64Array(end - from);
  }

  /** Behind the last slot that was ever used. */
  get usedEnd(): number {
    return this.#unused;
  }

  hasRoom(now: Millis): boolean {
    if (this.#unused < this.#end) return true;
    return this.#count > 0 && now - this.#since[this.#first]! >= SLOT_REST;
  }

  /** @returns {@link NO_LEASE}: there is none */
  take(now: Millis): number {
    if (!this.hasRoom(now)) return NO_LEASE;
    if (this.#unused < this.#end) return this.#unused++;
    const slot = this.#resting[this.#first]!;
    this.#first = (this.#first + 1) % this.#resting.length;
    this.#count--;
    return slot;
  }

  giveBack(slot: number, now: Millis): void {
    const last = (this.#first + this.#count++) % this.#resting.length;
    this.#resting[last] = slot;
    this.#since[last] = now;
  }
}
