import { halfSipHash } from "../guard/half_sip_hash.ts";

/** Number of an entry, 1..capacity. Given again to another peer once the entry is removed. */
export type PeerId = number;
export const NO_PEER: PeerId = 0;

/** 32-bit words of an entry: the Teredo address is the first four, the hash of its key this one. */
export const WORDS = 16;
const HASH = 7;

/**
 * A cell of the index is an entry's number with the upper bits of its hash: a cell that is not the
 * one looked for is told by that alone, in 511 of 512 cases without a look at its entry, which
 * among a million is a cache line from memory. 0 is an empty cell.
 */
const ID_MASK = 0x7fffff;
/** Most entries that a cell can number. */
export const PEERS_MAX = 4_194_304;
/** Of an address's third word, the mapped port; the rest is flags. */
const PORT_BITS = 0xffff;

/** No cell. */
export const NOWHERE = -1;

/**
 * Finds entries by Teredo address: open addressing with linear probing over a table of entry
 * numbers, at most half full; deletion shifts back, so there are no tombstones.
 *
 * The hash is of the mapping in an address alone, its last two words: entries of one mapping lie side
 * by side, and can be counted. They are few, so that none is far from its place. Of addresses that
 * have no mapping, native ones, it is of the whole: many hosts are `::1` of their network.
 */
export class PeerIndex {
  readonly #records: Int32Array;
  readonly #cells: Int32Array;
  readonly #mask: number;
  readonly #key0: number;
  readonly #key1: number;
  readonly #isWhole: boolean;
  /** What {@link find} found last: packets come in runs, and both ways. */
  #recent = NO_PEER;

  /**
   * @param records of all entries, {@link WORDS} each, in native byte order
   * @param capacity most entries
   * @param key0 with `key1`, 64 random bits that no peer knows
   * @param isWhole whether native addresses are among the keys: then entries of a mapping are not found
   */
  constructor(
    records: Int32Array,
    capacity: number,
    key0: number,
    key1: number,
    isWhole = false,
  ) {
    this.#records = records;
    let slots = 16;
    while (slots < 2 * capacity) slots *= 2;
    this.#cells = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#key0 = key0;
    this.#key1 = key1;
    this.#isWhole = isWhole;
  }

  /** Entry of the 16 address bytes at `at`; {@link NO_PEER} when there is none. */
  find(b: Uint8Array, at: number): PeerId {
    const w0 = word(b, at);
    const w1 = word(b, at + 4);
    const w2 = word(b, at + 8);
    const w3 = word(b, at + 12);
    if (this.#recent !== NO_PEER && this.#isAt(this.#recent, w0, w1, w2, w3)) return this.#recent;
    const hash = this.#isWhole ? this.#hashOfWhole(w0, w1, w2, w3) : this.#hashOf(w2, w3);
    const mask = this.#mask;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const cell = this.#cells[slot]!;
      if (cell === 0) return NO_PEER;
      if (((cell ^ hash) & ~ID_MASK) !== 0) continue;
      const p = cell & ID_MASK;
      if (!this.#isAt(p, w0, w1, w2, w3)) continue;
      this.#recent = p;
      return p;
    }
  }

  /**
   * The first cell of an entry whose address has the same mapping as the one at `at`; the next ones
   * are those after `slot`. {@link NOWHERE}: there is no other.
   */
  seekMapping(b: Uint8Array, at: number, slot: number = NOWHERE): number {
    const port = word(b, at + 8) & PORT_BITS;
    const address = word(b, at + 12);
    const mask = this.#mask;
    for (let i = slot < 0 ? this.#hashOf(port, address) & mask : slot + 1;; i++) {
      const cell = this.#cells[i & mask]!;
      if (cell === 0) return NOWHERE;
      const record = (cell & ID_MASK) * WORDS;
      if (this.#records[record + 3] !== address) continue;
      if ((this.#records[record + 2]! & PORT_BITS) === port) return i & mask;
    }
  }

  /** Entries that {@link seekMapping} finds. */
  countOfMapping(b: Uint8Array, at: number): number {
    let count = 0;
    let slot = this.seekMapping(b, at);
    for (; slot !== NOWHERE; slot = this.seekMapping(b, at, slot)) count++;
    return count;
  }

  /** The entry whose cell {@link seekMapping} found. */
  entryAt(slot: number): PeerId {
    return this.#cells[slot]! & ID_MASK;
  }

  /** Takes in an entry, whose record has its address. */
  enter(p: PeerId): void {
    const record = p * WORDS;
    const r = this.#records;
    const hash = this.#isWhole
      ? this.#hashOfWhole(r[record]!, r[record + 1]!, r[record + 2]!, r[record + 3]!)
      : this.#hashOf(r[record + 2]!, r[record + 3]!);
    r[record + HASH] = hash;
    let slot = hash & this.#mask;
    while (this.#cells[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#cells[slot] = (hash & ~ID_MASK) | p;
  }

  leave(p: PeerId): void {
    if (p === this.#recent) this.#recent = NO_PEER;
    const cells = this.#cells;
    const mask = this.#mask;
    let hole = this.#records[p * WORDS + HASH]! & mask;
    while ((cells[hole]! & ID_MASK) !== p) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; cells[slot] !== 0; slot = (slot + 1) & mask) {
      // An entry may move back to the hole unless it would come to stand before its own place.
      const home = this.#records[(cells[slot]! & ID_MASK) * WORDS + HASH]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      cells[hole] = cells[slot]!;
      hole = slot;
    }
    cells[hole] = 0;
  }

  /** Whether the entry has this address. Strangers differ most in the last word: it goes first. */
  #isAt(p: PeerId, w0: number, w1: number, w2: number, w3: number): boolean {
    const records = this.#records;
    const record = p * WORDS;
    return records[record + 3] === w3 && records[record + 2] === w2 &&
      records[record + 1] === w1 && records[record] === w0;
  }

  #hashOfWhole(w0: number, w1: number, w2: number, w3: number): number {
    return halfSipHash(this.#key0, this.#key1, w0, w1, w2, w3);
  }

  #hashOf(w2: number, w3: number): number {
    return halfSipHash(this.#key0, this.#key1, w2 & PORT_BITS, w3, 0, 0);
  }
}

/** As a signed number: what an Int32Array gives back. */
export function word(b: Uint8Array, at: number): number {
  return (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;
}
