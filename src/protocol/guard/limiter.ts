import { halfSipHash } from "./half_sip_hash.ts";
import type { Millis } from "../time.ts";

/**
 * Token buckets, kept as the one time at which a bucket will be full again ("full at"): a token
 * taken moves it `interval` later, and a token is there while it lies less than `burst` intervals
 * ahead. One number a bucket, no refill to run.
 *
 * Who takes may leave a part of the bucket, its `reserve`, to others who matter more: they find
 * tokens there as long as they alone take no more than the rate.
 */

/** Forgives what adding up fractions of milliseconds rounds. */
const SLACK: Millis = 0.001;

/** One bucket for all: the rate limit on ICMPv6 errors. RFC 4443 §2.4 (f) */
export class TokenBucket {
  #interval: Millis;
  #depth: Millis;
  #fullAt: Millis = 0;

  /**
   * @param rate tokens a second; 0: there is never one, Infinity: there always is
   * @param burst tokens in a full bucket, at least 1; finite
   */
  constructor(rate: number, burst: number) {
    this.#interval = 1_000 / rate;
    this.#depth = Math.max(1, burst) * this.#interval;
  }

  /** Another rate and burst, for a bucket from which the same tokens are missing. */
  set(rate: number, burst: number, now: Millis): void {
    const before = this.#interval;
    this.#interval = 1_000 / rate;
    this.#depth = Math.max(1, burst) * this.#interval;
    this.#fullAt = converted(this.#fullAt, before, this.#interval, this.#depth, now);
  }

  /** Takes a token if there is one beyond `reserve`, 0 to 1. `now` never goes back. */
  take(now: Millis, reserve = 0): boolean {
    if (!this.has(now, reserve)) return false;
    this.#fullAt = Math.max(this.#fullAt, now) + this.#interval;
    return true;
  }

  /** Whether {@link take} would find one. */
  has(now: Millis, reserve = 0): boolean {
    if (this.#interval === Infinity) return false;
    const fullAt = Math.max(this.#fullAt, now) + this.#interval;
    return fullAt - now <= depthFor(this.#depth, this.#interval, reserve);
  }
}

/**
 * A bucket for each key, in a fixed number of cells: keys whose hash is the same share one. So no
 * key ever gets more than its rate, whatever is done with others, and nothing is forgotten.
 *
 * A key is held back by another's greed with a chance of one in as many as there are cells, for
 * each cell that is kept empty. Which keys share one cannot be guessed without the hash's key.
 */
export class Limiter {
  #interval: Millis;
  #depth: Millis;
  #fullAt: Float64Array;
  readonly #cells: number;
  readonly #key0: number;
  readonly #key1: number;

  /**
   * @param rate tokens a second for one key; 0: no limit
   * @param burst tokens in a full bucket, at least 1
   * @param key0 with `key1`, 64 random bits that no stranger knows
   * @param cells a power of two; 8 bytes each
   */
  constructor(rate: number, burst: number, key0: number, key1: number, cells = 65_536) {
    this.#interval = rate > 0 ? 1_000 / rate : 0;
    this.#depth = Math.max(1, burst) * this.#interval;
    this.#fullAt = new Float64Array(rate > 0 ? cells : 1);
    this.#cells = cells;
    this.#key0 = key0;
    this.#key1 = key1;
  }

  /** Another rate and burst, for buckets from which the same tokens are missing. */
  set(rate: number, burst: number, now: Millis): void {
    const before = this.#interval;
    const depth = this.#depth;
    this.#interval = rate > 0 ? 1_000 / rate : 0;
    this.#depth = Math.max(1, burst) * this.#interval;
    if (this.#interval === before && this.#depth === depth) return;
    const cells = this.#fullAt;
    if (rate > 0 && cells.length < this.#cells) this.#fullAt = new Float64Array(this.#cells);
    else {
      for (let i = 0; i < cells.length; i++) {
        cells[i] = converted(cells[i]!, before, this.#interval, this.#depth, now);
      }
    }
  }

  /**
   * Takes a token of a key of two 32-bit words, if there is one beyond `reserve`. `now` never goes
   * back.
   */
  take(word0: number, word1: number, now: Millis, reserve = 0): boolean {
    if (this.#interval === 0) return true;
    const cell = this.#cellOf(word0, word1);
    if (!this.#hasAt(cell, now, reserve)) return false;
    this.#fullAt[cell] = Math.max(this.#fullAt[cell]!, now) + this.#interval;
    return true;
  }

  /** Whether {@link take} would find one. */
  has(word0: number, word1: number, now: Millis, reserve = 0): boolean {
    return this.#interval === 0 || this.#hasAt(this.#cellOf(word0, word1), now, reserve);
  }

  #cellOf(word0: number, word1: number): number {
    return halfSipHash(this.#key0, this.#key1, word0, word1, 0, 0) & (this.#fullAt.length - 1);
  }

  #hasAt(cell: number, now: Millis, reserve: number): boolean {
    const fullAt = Math.max(this.#fullAt[cell]!, now) + this.#interval;
    return fullAt - now <= depthFor(this.#depth, this.#interval, reserve);
  }
}

/** "Full at" under another interval, of a bucket that is no emptier than empty. */
function converted(
  fullAt: Millis,
  before: Millis,
  interval: Millis,
  depth: Millis,
  now: Millis,
): Millis {
  // With no limit on either side nothing is missing that could be counted.
  const missing = before > 0 && before < Infinity ? Math.max(0, fullAt - now) / before : 0;
  return missing === 0 || interval === Infinity ? 0 : now + Math.min(missing * interval, depth);
}

/** How far ahead "full at" may come to lie; one token is for all where the bucket is no deeper. */
function depthFor(depth: Millis, interval: Millis, reserve: number): Millis {
  return Math.max(interval, depth * (1 - reserve)) + SLACK;
}
