/**
 * The newest rows of numbers, one for each second or minute, in memory that never grows. Rows are
 * numbered; NaN stands for what is not known, as in rows that were passed over.
 */
export class Ring {
  readonly width: number;
  readonly length: number;
  readonly #cells: Float32Array;
  #newest = -1;
  #oldest = 0;

  /** @param width numbers in a row @param length most rows */
  constructor(width: number, length: number) {
    this.width = width;
    this.length = length;
    this.#cells = new Float32Array(width * length);
  }

  /** Number of the newest row; -1: there is none. */
  get newest(): number {
    return this.#newest;
  }

  /** Number of the oldest row; there are {@link count} from it on. */
  get oldest(): number {
    return this.#oldest;
  }

  get count(): number {
    return this.#newest < 0 ? 0 : this.#newest - this.#oldest + 1;
  }

  /** Whole rows in bytes. */
  get bytes(): number {
    return this.#cells.byteLength;
  }

  /** Adds a row behind all others; what is between is not known. @param row its number, from 0 */
  put(row: number, values: ArrayLike<number>): void {
    if (row <= this.#newest) return;
    if (this.#newest < 0) this.#oldest = row;
    const skipped = Math.max(this.#newest + 1, row - this.length + 1, this.#oldest);
    for (let i = skipped; i < row; i++) {
      this.#cells.fill(NaN, this.#at(i), this.#at(i) + this.width);
    }
    this.#cells.set(values, this.#at(row));
    this.#newest = row;
    this.#oldest = Math.max(this.#oldest, row - this.length + 1);
  }

  /** NaN where nothing is known. */
  value(row: number, column: number): number {
    if (row < this.#oldest || row > this.#newest) return NaN;
    return this.#cells[this.#at(row) + column]!;
  }

  /** Mean of what is known of a column in rows `from` to `to`; NaN: nothing is. */
  mean(column: number, from: number, to: number): number {
    let sum = 0;
    let count = 0;
    for (let row = from; row <= to; row++) {
      const value = this.value(row, column);
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    return count === 0 ? NaN : sum / count;
  }

  /** Rows from {@link oldest} on, one after the other. */
  copy(): Float32Array {
    const rows = new Float32Array(this.count * this.width);
    for (let i = 0; i < this.count; i++) {
      const at = this.#at(this.#oldest + i);
      rows.set(this.#cells.subarray(at, at + this.width), i * this.width);
    }
    return rows;
  }

  #at(row: number): number {
    return (row % this.length) * this.width;
  }
}
