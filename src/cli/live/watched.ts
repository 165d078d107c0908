import type { HistoryDocument } from "#src/status/history_document.ts";
import { UsageError } from "../exit.ts";
import { type Answer, askTarget } from "../status/ask.ts";
import { NoStatus } from "../status/no_status.ts";
import { askPage } from "../status/page.ts";
import type { Place } from "../status/place.ts";
import type { Target } from "../status/targets.ts";
import { CHARTS, valueOf } from "./charts.ts";
import { Past } from "./past.ts";
import type { Rates, Seen } from "./seen.ts";

/** Numbers that are older, in seconds beyond the time between two questions, are said to be. */
const LATE = 2;

/** No history has more. */
const MAX_ROWS = 1_440;

/** A daemon that is asked again and again, what it said, and how it was before. */
export class Watched {
  readonly #target: Target;
  /** In seconds; it only goes forward. */
  readonly #now: () => number;
  #answer: Answer | NoStatus | undefined;
  #last: { readonly found: Answer; readonly at: number } | undefined;
  #before: Answer | undefined;
  #past: Past | undefined;
  #rates: Rates | undefined;
  /** When the daemon's clock was set last, if ever. */
  #clockSet: string | undefined;
  #asking: Promise<void> | undefined;

  constructor(target: Target, now: () => number) {
    this.#target = target;
    this.#now = now;
  }

  /** Of the last question; undefined: there is none yet. */
  get answer(): Answer | NoStatus | undefined {
    return this.#answer;
  }

  /** Where it is asked. */
  get places(): string {
    return this.#target.places.map(({ url }) => url).join(", ");
  }

  /** Asks, unless an earlier question still waits for its answer. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => this.#asking = undefined);
    return this.#asking;
  }

  /** As it was when it answered last, if ever. @param interval between two questions, in seconds */
  seen(interval: number): Seen | undefined {
    if (this.#last === undefined) return undefined;
    const { found: { status }, at } = this.#last;
    const age = this.#now() - at;
    const silence = this.#answer instanceof NoStatus
      ? this.#answer.message
      : age > interval + LATE
      ? "it has not answered yet"
      : undefined;
    return {
      status,
      before: this.#before?.status,
      past: this.#past,
      rates: this.#rates,
      age,
      silence,
    };
  }

  async #ask(): Promise<void> {
    const answer = await askTarget(this.#target);
    if (!(answer instanceof NoStatus)) {
      const { role, process } = answer.status;
      const earlier = this.#last?.found;
      this.#before = earlier?.status.process.pid === process.pid ? earlier : undefined;
      // After a silence the daemon knows best what was meanwhile; another role has other charts.
      if (this.#answer instanceof NoStatus || earlier?.status.role !== role) this.#forget();
      await this.#askHistory(answer);
      this.#last = { found: answer, at: this.#now() };
    }
    this.#answer = answer;
  }

  #forget(): void {
    this.#past = undefined;
    this.#rates = undefined;
  }

  /** A daemon of an older version has none: then there are no charts. */
  async #askHistory(answer: Answer): Promise<void> {
    const { status: { role }, place } = answer;
    const since = this.#past === undefined ? "" : `&since=${this.#past.newest}`;
    const history = await askHistory(place, `/history?step=1${since}`);
    // Of the first second there is no row yet.
    if (history?.role !== role || history.count === 0) return;
    const { from, count, series, changes } = history;
    const clockSet = changes.findLast(({ kind }) => kind === "clock_set")?.time;
    const isSet = clockSet !== this.#clockSet;
    this.#clockSet = clockSet;
    if (this.#past !== undefined && isSet) {
      // All that is past has other dates now.
      this.#forget();
      return await this.#askHistory(answer);
    }
    this.#past ??= new Past(CHARTS[role].length);
    for (let i = 0; i < count; i++) {
      if (from + i <= this.#past.newest) continue;
      this.#past.add(from + i, CHARTS[role].map((chart) => valueOf(chart, series, i)));
      this.#rates = rowOf(series, i);
    }
  }
}

function rowOf(series: HistoryDocument["series"], i: number): Rates {
  return Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values[i]]));
}

/** @returns undefined where there is none, or something else */
async function askHistory(place: Place, path: string): Promise<HistoryDocument | undefined> {
  try {
    const found = await askPage<HistoryDocument>(place, path);
    return isWhole(found) ? found : undefined;
  } catch (error) {
    if (error instanceof NoStatus || error instanceof UsageError) return undefined;
    throw error;
  }
}

function isWhole({ from, count, series, changes }: HistoryDocument): boolean {
  return Number.isSafeInteger(from) && from > 0 && Number.isSafeInteger(from + MAX_ROWS) &&
    Number.isInteger(count) && count >= 0 && count <= MAX_ROWS && Array.isArray(changes) &&
    typeof series === "object" && series !== null &&
    Object.values(series).every((it) => Array.isArray(it) && it.length === count);
}
