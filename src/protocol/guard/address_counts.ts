import { halfSipHash } from "./half_sip_hash.ts";

/** Of each of the two rows; a power of two. */
const CELLS = 65_536;

/**
 * How many of something each IPv4 address has, in fixed memory: two rows of counters, in each of which
 * a keyed hash leads an address to one. What it has is the smaller of the two: never less than it
 * has, and more only when other addresses that have many share its cell in both rows.
 */
export class AddressCounts {
  readonly #cells = new Uint32Array(2 * CELLS);
  readonly #key0: number;
  readonly #key1: number;

  /** @param key0 with `key1`, random bits: which addresses share a cell is not guessable */
  constructor(key0: number, key1: number) {
    this.#key0 = key0;
    this.#key1 = key1;
  }

  count(address: number): number {
    const hash = this.#hashOf(address);
    return Math.min(this.#cells[first(hash)]!, this.#cells[second(hash)]!);
  }

  add(address: number): void {
    const hash = this.#hashOf(address);
    this.#cells[first(hash)]!++;
    this.#cells[second(hash)]!++;
  }

  /** What was added is taken back. */
  remove(address: number): void {
    const hash = this.#hashOf(address);
    this.#cells[first(hash)]!--;
    this.#cells[second(hash)]!--;
  }

  #hashOf(address: number): number {
    return halfSipHash(this.#key0, this.#key1, address, 0, 0, 1);
  }
}

function first(hash: number): number {
  return hash & (CELLS - 1);
}

function second(hash: number): number {
  return CELLS + (hash >>> 16);
}
