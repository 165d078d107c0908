import type { Millis } from "#src/protocol/time.ts";
import { ENTRY_LENGTH, ENTRY_WORDS, TAPE_ENTRIES } from "./entry.ts";

/**
 * Memory in which one datapath thread records, and the main thread reads, in this order:
 *
 *     head      Int32 x 4                     {@link Cell}
 *     clocks    Float64 x 4                   what the thread's clock and the wall's showed, twice
 *     (to 64)
 *     entries   TAPE_ENTRIES x ENTRY_LENGTH
 */
const HEAD_CELLS = 4;
const CLOCKS_AT = 4 * HEAD_CELLS;
const CLOCKS = 4;
const ENTRIES_AT = 64;
const TAPE_LENGTH = ENTRIES_AT + TAPE_ENTRIES * ENTRY_LENGTH;

/** Cells of the head. */
const Cell = {
  /** Entries that are whole, modulo 2^32. */
  Written: 0,
  /** Why recording has stopped, until the main thread has taken what there is; {@link Stop.No}. */
  Stopped: 1,
  /** How often clocks were set: its last bit says which of the two pairs is that of now. */
  Clock: 2,
} as const;

/** Why a thread stops recording, so that what led to it stays. */
export const Stop = { No: 0, Drops: 1, PeerFailed: 2 } as const;
export type Stop = (typeof Stop)[keyof typeof Stop];

/**
 * Entries that a thread may write before it publishes them. They take the places of the oldest, which
 * whoever reads therefore leaves out.
 */
export const UNPUBLISHED = 64;
/** Twice as many: a machine may show what is written a little before what was written earlier. */
const LEFT_OUT = 2 * UNPUBLISHED;

/** What was on a tape at one moment. */
export interface TapeCopy {
  /** Whole entries, the oldest first, end to end. */
  readonly entries: Uint8Array<ArrayBuffer>;
  /** How many; the rest of the bytes means nothing. */
  readonly count: number;
  /** What to add to their times for those of the wall clock. */
  readonly toWall: Millis;
}

/** A ring of entries; each thread has a view of its own. */
export class Tape {
  readonly buffer: SharedArrayBuffer;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly times: Float64Array;
  readonly #head: Int32Array;
  readonly #clocks: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(TAPE_LENGTH)) {
    this.buffer = buffer;
    this.#head = new Int32Array(buffer, 0, HEAD_CELLS);
    this.#clocks = new Float64Array(buffer, CLOCKS_AT, CLOCKS);
    this.words = new Uint32Array(buffer, ENTRIES_AT);
    this.bytes = new Uint8Array(buffer, ENTRIES_AT);
    this.times = new Float64Array(buffer, ENTRIES_AT);
  }

  /** By the thread: so many entries are whole, modulo 2^32. */
  publish(written: number): void {
    Atomics.store(this.#head, Cell.Written, written);
  }

  /** By the thread: what both clocks show. */
  setClocks(own: Millis, wall: Millis): void {
    const next = Atomics.load(this.#head, Cell.Clock) + 1;
    const at = 2 * (next & 1);
    this.#clocks[at] = own;
    this.#clocks[at + 1] = wall;
    Atomics.store(this.#head, Cell.Clock, next);
  }

  get stopped(): Stop {
    return Atomics.load(this.#head, Cell.Stopped) as Stop;
  }

  /** By the thread, which writes nothing more until {@link release}. */
  stop(why: Stop): void {
    Atomics.store(this.#head, Cell.Stopped, why);
  }

  /** By the main thread, which has taken what led to the stop. */
  release(): void {
    Atomics.store(this.#head, Cell.Stopped, Stop.No);
  }

  /**
   * What is on the tape, while the thread goes on: what it may have been writing meanwhile is left out.
   */
  copy(): TapeCopy {
    const toWall = this.#toWall();
    const written = Atomics.load(this.#head, Cell.Written);
    const all = this.bytes.slice();
    const words = new Uint32Array(all.buffer);
    const since = (this.#inOrder(Cell.Written) - TAPE_ENTRIES + LEFT_OUT) | 0;
    const entries = new Uint8Array(all.length);
    let count = 0;
    for (let n = since; ((written - n) | 0) > 0; n = (n + 1) | 0) {
      const place = n & (TAPE_ENTRIES - 1);
      if (words[place * ENTRY_WORDS] !== n >>> 0) continue;
      const at = place * ENTRY_LENGTH;
      entries.set(all.subarray(at, at + ENTRY_LENGTH), count++ * ENTRY_LENGTH);
    }
    return { entries, count, toWall };
  }

  /** A cell, not before all that was read until now: a load alone might be. */
  #inOrder(cell: number): number {
    return Atomics.add(this.#head, cell, 0);
  }

  #toWall(): Millis {
    for (;;) {
      const before = Atomics.load(this.#head, Cell.Clock);
      const at = 2 * (before & 1);
      const own = this.#clocks[at]!;
      const wall = this.#clocks[at + 1]!;
      // The next ones are set beside them, and only those after that in their place.
      if (this.#inOrder(Cell.Clock) === before) return wall - own;
    }
  }
}
