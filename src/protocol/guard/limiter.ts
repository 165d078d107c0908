import type { Millis } from "../time.ts";

/**
 * Token buckets, kept as the one time at which a bucket will be full again ("full at"): a token
 * taken moves it `interval` later, and a token is there while it lies less than `burst` intervals
 * ahead. One number a bucket, no refill to run, and a bucket that is full needs no memory at all.
 */

/** Forgives what adding up fractions of milliseconds rounds. */
const SLACK: Millis = 0.001;

/** One bucket for all: the rate limit on ICMPv6 errors. RFC 4443 §2.4 (f) */
export class TokenBucket {
  readonly #interval: Millis;
  readonly #depth: Millis;
  #fullAt: Millis = 0;

  /**
   * @param rate tokens a second; 0: there is never one
   * @param burst tokens in a full bucket, at least 1
   */
  constructor(rate: number, burst: number) {
    this.#interval = 1_000 / rate;
    this.#depth = rate > 0 ? Math.max(1, burst) * this.#interval + SLACK : 0;
  }

  /** Takes a token if there is one. `now` never goes back. */
  take(now: Millis): boolean {
    const fullAt = Math.max(this.#fullAt, now) + this.#interval;
    if (!(fullAt - now <= this.#depth)) return false;
    this.#fullAt = fullAt;
    return true;
  }
}

/** Buckets one hash leads to. Eight keys and eight times are three cache lines. */
const WAYS = 8;

/**
 * A bucket for each key (an IPv4 address, or a hash of something longer), in a fixed number of
 * cells: a full bucket is the same as none, so cells clean themselves as time passes.
 *
 * When all cells of a hash are in use, the bucket nearest to full makes room: to free one
 * key that is held back, a stranger must first empty the buckets of eight others.
 */
export class Limiter {
  readonly #interval: Millis;
  readonly #depth: Millis;
  readonly #keys: Uint32Array;
  readonly #fullAt: Float64Array;
  readonly #mask: number;

  /**
   * @param rate tokens a second for one key; 0: no limit
   * @param burst tokens in a full bucket, at least 1
   * @param capacity most keys remembered, rounded up to a power of two; 12 bytes each
   */
  constructor(rate: number, burst: number, capacity = 65_536) {
    this.#interval = rate > 0 ? 1_000 / rate : 0;
    this.#depth = Math.max(1, burst) * this.#interval + SLACK;
    let sets = 1;
    while (rate > 0 && sets * WAYS < capacity) sets *= 2;
    this.#mask = sets - 1;
    this.#keys = new Uint32Array(sets * WAYS);
    this.#fullAt = new Float64Array(sets * WAYS);
  }

  /** Takes a token of `key`, an unsigned 32-bit number, if there is one. `now` never goes back. */
  take(key: number, now: Millis): boolean {
    if (this.#interval === 0) return true;
    const cell = this.#cellOf(key);
    const known = this.#keys[cell] === key ? this.#fullAt[cell]! : 0;
    const fullAt = Math.max(known, now) + this.#interval;
    if (fullAt - now > this.#depth) return false;
    this.#keys[cell] = key;
    this.#fullAt[cell] = fullAt;
    return true;
  }

  /** The cell that holds `key`, else the one of its set that is nearest to full. */
  #cellOf(key: number): number {
    const first = (mix(key) & this.#mask) * WAYS;
    let fullest = first;
    for (let cell = first; cell < first + WAYS; cell++) {
      if (this.#keys[cell] === key) return cell;
      if (this.#fullAt[cell]! < this.#fullAt[fullest]!) fullest = cell;
    }
    return fullest;
  }
}

/** Spreads neighbours apart, so that one subnet does not share one set. */
function mix(key: number): number {
  key = Math.imul(key ^ (key >>> 16), 0x7feb352d);
  key = Math.imul(key ^ (key >>> 15), 0x846ca68b);
  return (key ^ (key >>> 16)) >>> 0;
}
