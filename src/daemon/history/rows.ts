import type { Millis } from "#src/protocol/time.ts";
import type { SeriesName, Step } from "#src/status/history_document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { type Column, columnsOf } from "./columns.ts";
import { Ring } from "./ring.ts";

const SECOND: Millis = 1_000;
const MINUTE = 60;
/** Rows of a quarter of an hour by the second, and of a day by the minute; see docs/limits.md. */
export const SECONDS_KEPT = 900;
export const MINUTES_KEPT = 1_440;
/** When two looks are further apart nobody knows what passed in which of these seconds. */
const LATE_MOST: Millis = 5_000;

/**
 * What passed in each second and each minute. Rows are numbered by a clock that only goes forward and
 * counts sleep: row `s` is of the second before the look in second `s` of that clock.
 */
export class Rows {
  readonly columns: readonly Column[];
  readonly seconds: Ring;
  readonly minutes: Ring;
  readonly #unknown: Float64Array;
  #last: { readonly snapshot: Snapshot; readonly at: Millis } | undefined;
  /** Second of the first look: rows up to it are of the daemon before this one. */
  #begun = Infinity;

  constructor(role: Snapshot["role"]) {
    this.columns = columnsOf(role);
    this.seconds = new Ring(this.columns.length, SECONDS_KEPT);
    this.minutes = new Ring(this.columns.length, MINUTES_KEPT);
    this.#unknown = new Float64Array(this.columns.length).fill(NaN);
  }

  ring(step: Step): Ring {
    return step === 1 ? this.seconds : this.minutes;
  }

  /**
   * Takes what has passed since the last look. A look that comes a little late tells of each second
   * since the last one the same; after a longer gap, as when the machine slept, they stay unknown.
   *
   * @param at by the clock of the rows
   * @returns whether there is a new row
   */
  look(snapshot: Snapshot, at: Millis): boolean {
    const last = this.#last;
    const second = Math.floor(at / SECOND);
    if (last !== undefined && second <= Math.floor(last.at / SECOND)) return false;
    this.#last = { snapshot, at };
    if (last === undefined) {
      this.#begun = second;
      return false;
    }
    if (at - last.at > LATE_MOST) {
      this.#put(second, this.#unknown);
      return true;
    }
    const values = this.#measure(last.snapshot, snapshot, (at - last.at) / SECOND);
    for (let s = Math.floor(last.at / SECOND) + 1; s <= second; s++) this.#put(s, values);
    return true;
  }

  /** Number of the newest row by the second that is not of the daemon before this one. */
  get newest(): number | undefined {
    const { newest } = this.seconds;
    return newest > this.#begun ? newest : undefined;
  }

  /** Mean of the newest `seconds`; undefined: nothing is known of them. */
  recent(name: SeriesName, seconds: number): number | undefined {
    const { newest } = this;
    if (newest === undefined) return undefined;
    const column = this.columns.findIndex((it) => it.name === name);
    const from = Math.max(newest - seconds, this.#begun) + 1;
    const mean = this.seconds.mean(column, from, newest);
    return Number.isNaN(mean) ? undefined : mean;
  }

  /** A minute that is over has the mean of its seconds, as far as they are known. */
  #put(second: number, values: ArrayLike<number>): void {
    const { newest } = this.seconds;
    const minute = Math.floor(newest / MINUTE);
    if (newest >= 0 && Math.floor(second / MINUTE) > minute) {
      const from = MINUTE * minute;
      this.minutes.put(
        minute,
        this.columns.map((_, i) => this.seconds.mean(i, from, from + MINUTE - 1)),
      );
    }
    this.seconds.put(second, values);
  }

  #measure(before: Snapshot, now: Snapshot, seconds: number): number[] {
    return this.columns.map(({ kind, of }) =>
      kind === "level" ? of(now) : Math.max(0, of(now) - of(before)) / seconds
    );
  }
}
