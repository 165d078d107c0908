/**
 * The history as charts have it.
 *
 * @typedef {import("../../history_document.ts").HistoryDocument} HistoryDocument
 * @typedef {import("../../history_document.ts").SnapshotEvent} SnapshotEvent
 * @typedef {(number | null)[]} Column
 */

/** Seconds that rows of a second are kept. */
const SPAN = 900;

/** Rows of one step; those of a second go on. */
export class Rows {
  /** @type {number[]} Unix time of each row. */
  times = [];
  /** @type {Map<string, Column>} */
  #series = new Map();

  /** @param {HistoryDocument} history what was before it stays, as far as it is not too old */
  take({ from, step, count, series }) {
    const kept = this.times.filter((time) => time < from).length;
    this.#cut(0, kept);
    const end = from + step * count;
    const names = new Set([...this.#series.keys(), ...Object.keys(series)]);
    for (const name of names) {
      const values = /** @type {Record<string, Column>} */ (series)[name];
      this.#column(name).push(...values ?? new Array(count).fill(fill(name)));
    }
    for (let i = 0; i < count; i++) this.times.push(from + step * i);
    if (step === 1) this.#cut(this.times.findIndex((time) => time >= end - SPAN));
  }

  /** @param {SnapshotEvent} event */
  add({ time, row }) {
    const last = this.times.at(-1);
    if (last !== undefined && time <= last) return;
    // A line must not lead across what nobody knows.
    if (last !== undefined && time > last + 2) this.#push(last + 1, {});
    this.#push(time, row);
    this.#cut(this.times.findIndex((it) => it > time - SPAN));
  }

  /**
   * @param {readonly string[]} names
   * @returns {Column} their sum
   */
  sum(names) {
    const columns = names.map((name) => this.#series.get(name)).filter((it) => it !== undefined);
    return this.times.map((_, row) => {
      const known = columns.map((it) => it[row] ?? null).filter((it) => it !== null);
      return known.length === 0 ? null : known.reduce((a, b) => a + b);
    });
  }

  /**
   * @param {number} time
   * @param {SnapshotEvent["row"]} row
   */
  #push(time, row) {
    const isKnown = Object.keys(row).length > 0;
    for (const name of new Set([...this.#series.keys(), ...Object.keys(row)])) {
      const value = /** @type {Record<string, number>} */ (row)[name];
      this.#column(name).push(value ?? (isKnown ? fill(name) : null));
    }
    this.times.push(time);
  }

  /** @param {string} name */
  #column(name) {
    let column = this.#series.get(name);
    if (column === undefined) {
      column = new Array(this.times.length).fill(fill(name));
      this.#series.set(name, column);
    }
    return column;
  }

  /**
   * @param {number} from
   * @param {number} [end]
   */
  #cut(from, end) {
    this.times = this.times.slice(from, end);
    for (const [name, column] of this.#series) this.#series.set(name, column.slice(from, end));
  }
}

/**
 * Drops for a reason that there were none of are left out.
 *
 * @param {string} name
 */
const fill = (name) => name.startsWith("drops_") ? 0 : null;
