import type { HistoryDocument, SeriesName } from "../history_document.ts";
import { UNITS } from "../units.ts";

/** How its numbers are said. */
export type Unit = "bits" | "rate" | "count" | "millis" | "share";

/** One of the lines of a chart. */
export interface Line {
  readonly label: string;
  /** Series that are added up. */
  readonly names: readonly SeriesName[];
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** Its lines are parts of a whole. */
  readonly stacked?: boolean;
  /** Or a prefix of names: one line for each of the largest such series. */
  readonly lines: readonly Line[] | `${string}_`;
}

/** One number a row; null: not known. */
export type Column = readonly (number | null)[];

/** A chart with what there is to draw. */
export interface Figure extends Omit<Chart, "lines"> {
  readonly lines: readonly (Line & { readonly values: Column })[];
}

/** Lines of a chart of many series; what else there is is one line together. */
const MOST_LINES = 6;

export function figureOf(chart: Chart, history: HistoryDocument): Figure {
  const lines = typeof chart.lines === "string" ? largest(chart.lines, history) : chart.lines;
  return { ...chart, lines: lines.map((it) => ({ ...it, values: sum(it.names, history) })) };
}

function largest(prefix: string, { series }: HistoryDocument): Line[] {
  const names = Object.keys(series) as SeriesName[];
  const sorted = names.filter((name) => name.startsWith(prefix))
    .map((name) => ({ name, size: total(series[name]!) }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size)
    .map(({ name }) => name);
  const shown = sorted.length > MOST_LINES ? MOST_LINES - 1 : MOST_LINES;
  const others = sorted.slice(shown);
  return [
    ...sorted.slice(0, shown).map((name) => ({ label: name.slice(prefix.length), names: [name] })),
    ...(others.length === 0 ? [] : [{ label: `${others.length} others`, names: others }]),
  ];
}

function sum(names: readonly SeriesName[], { count, series }: HistoryDocument): Column {
  const columns = names.map((name) => series[name]).filter((it) => it !== undefined);
  return Array.from({ length: count }, (_, row) => {
    const known = columns.map((it) => it[row] ?? null).filter((it) => it !== null);
    return known.length === 0 ? null : total(known);
  });
}

export function total(values: Column): number {
  let sum = 0;
  for (const value of values) sum += value ?? 0;
  return sum;
}

/** Each column with those before it added: how a stack is drawn. */
export function stacked(columns: readonly Column[]): Column[] {
  const sums: Column[] = [];
  for (const column of columns) {
    const below = sums.at(-1);
    sums.push(column.map((value, row) => value === null ? null : value + (below?.[row] ?? 0)));
  }
  return sums;
}

/** The last value that is known. */
export function latest(values: Column): number | undefined {
  return values.findLast((it) => it !== null) ?? undefined;
}

/** A chart in words. */
export function summaryOf({ unit, lines }: Figure): string {
  const say = UNITS[unit];
  const parts = lines.map(({ label, values }) => {
    const known = values.filter((it) => it !== null);
    if (known.length === 0) return `${label}: not known yet`;
    const low = known.reduce((a, b) => Math.min(a, b));
    const high = known.reduce((a, b) => Math.max(a, b));
    if (say(low) === say(high)) return `${label}: ${say(high)} all the time`;
    return `${label}: ${say(low)} to ${say(high)}, mean ${say(total(known) / known.length)}`;
  });
  return parts.length === 0 ? "None in this time." : `${parts.join("; ")}.`;
}

export interface Row {
  /** Unix time of its beginning. */
  readonly time: number;
  readonly cells: readonly string[];
}

/** Means of a minute of each second's values, or of an hour of each minute's; the newest first. */
export function rowsOf({ unit, lines }: Figure, { from, step, count }: HistoryDocument): Row[] {
  const say = UNITS[unit];
  const size = 60 * step;
  const rows: Row[] = [];
  for (let time = from - from % size; time < from + count * step; time += size) {
    const first = Math.max(0, Math.ceil((time - from) / step));
    const end = Math.ceil((time + size - from) / step);
    const cells = lines.map(({ values }) => {
      const known = values.slice(first, end).filter((it) => it !== null);
      return known.length === 0 ? "" : say(total(known) / known.length);
    });
    if (cells.some((it) => it !== "")) rows.unshift({ time, cells });
  }
  return rows;
}
