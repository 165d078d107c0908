/** @jsxImportSource hono/jsx */
import type { HistoryDocument } from "../history_document.ts";
import { type Column, type Figure, stacked } from "./figures.ts";
import { type Mark, Marks } from "./marks.tsx";
import { clockOf } from "./time.tsx";
import { UNITS } from "../units.ts";

const WIDTH = 600;
const HEIGHT = 120;
/** Points of a line; more of them would be closer together than what a screen shows. */
const MOST_POINTS = 300;

export interface SparklineProps {
  readonly figure: Figure;
  readonly history: HistoryDocument;
  readonly marks: readonly Mark[];
  /** Of the element that says the same in words. */
  readonly labelledBy: string;
}

/** A chart without a script. */
export function Sparkline({ figure, history, marks, labelledBy }: SparklineProps) {
  const { unit, lines } = figure;
  const isStack = figure.stacked ?? false;
  const columns = lines.map(({ values }) => values);
  const drawn = isStack ? stacked(columns) : columns;
  const top = topOf(drawn);
  const { from, step, count } = history;
  const seconds = Math.max(step, (count - 1) * step);
  return (
    <div class="sparkline">
      <span class="top">{UNITS[unit](top)}</span>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-labelledby={labelledBy}
      >
        {[...drawn.keys()].reverse().map((i) => (
          <path
            class={`${isStack ? "area" : "line"} series${i}`}
            d={pathOf(drawn[i]!, top, isStack)}
          />
        ))}
      </svg>
      <Marks marks={marks} from={from} to={from + seconds} />
      <span class="from">{clockOf(from, from + seconds)}</span>
      <span class="to">{clockOf(from + seconds, from + seconds)}</span>
    </div>
  );
}

/** What the highest of them stays below: 1, 2 or 5 of some power of ten. */
function topOf(columns: readonly Column[]): number {
  let high = 0;
  for (const column of columns) for (const value of column) high = Math.max(high, value ?? 0);
  if (high === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(high));
  return [1, 2, 5, 10].map((it) => it * power).find((it) => it >= high) ?? high;
}

/** Where nothing is known there is no line. */
function pathOf(column: Column, top: number, isArea: boolean): string {
  const every = Math.ceil(column.length / MOST_POINTS);
  const runs: string[] = [];
  let points: string[] = [];
  let first = 0;
  let last = 0;
  const end = () => {
    if (points.length > 0) {
      const line = `M${points.join("L")}`;
      runs.push(isArea ? `${line}L${at(last)} ${HEIGHT}L${at(first)} ${HEIGHT}Z` : line);
    }
    points = [];
  };
  for (let row = 0; row < column.length; row += every) {
    const value = highest(column, row, row + every);
    if (value === null) {
      end();
      continue;
    }
    last = row / Math.max(1, column.length - 1) * WIDTH;
    if (points.length === 0) first = last;
    points.push(`${at(last)} ${at((1 - value / top) * (HEIGHT - 2) + 1)}`);
  }
  end();
  return runs.join("");
}

/** A burst stays to be seen. */
function highest(column: Column, from: number, end: number): number | null {
  let high: number | null = null;
  for (let row = from; row < Math.min(end, column.length); row++) {
    const value = column[row]!;
    if (value !== null && (high === null || value > high)) high = value;
  }
  return high;
}

const at = (coordinate: number) => coordinate.toFixed(1).replace(/\.0$/, "");
