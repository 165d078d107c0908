import type { Item, Size } from "./arrange.ts";
import { type Chart, CHARTS } from "./charts.ts";
import type { Line } from "./line.ts";
import type { Look } from "./look.ts";
import { SPAN } from "./past.ts";
import type { Seen } from "./seen.ts";
import { sparkline } from "./sparkline.ts";

const LABEL = 14;
const NOW = 12;
const GAP = 2;
const PEAK = 13;
/** A shorter one shows nothing. */
const MIN_SPARKLINE = 8;
/** Columns from which there is room for what was highest. */
const WITH_PEAK = 72;

const HEAD_RANK = 14;

/** What is carried and what it costs: now, as it was, and at its highest. */
export function chartLines(seen: Seen, size: Size, look: Look): Item[] {
  const { status, past, age, silence } = seen;
  if (past === undefined) return [];
  // While it is silent time goes on without it.
  const second = past.newest + (silence === undefined ? 0 : Math.floor(age));
  const peak = size.columns < WITH_PEAK ? 0 : PEAK;
  const room = size.columns - LABEL - NOW - GAP - peak;
  const columns = room < MIN_SPARKLINE ? 0 : Math.min(room, SPAN);
  const line = ({ label, format }: Chart, i: number): Line => {
    const shown = (it: number, width: number) =>
      (Number.isNaN(it) ? "" : format(it)).padStart(width);
    const drawn = columns === 0 ? [] : past.columns(i, second, columns);
    return [
      label.padEnd(LABEL),
      shown(past.last(i), NOW),
      " ".repeat(GAP),
      { text: sparkline(drawn, look.blocks), tone: "cyan" },
      { text: peak === 0 ? "" : shown(past.peak(i, second), peak), tone: "dim" },
    ];
  };
  const drawn = columns === 0 ? 0 : past.columns(0, second, columns).length;
  const title = [`last ${SPAN / 60} minutes`, `${SPAN / 60} min`].find((it) => it.length <= drawn);
  const head = [
    "now".padStart(LABEL + NOW),
    " ".repeat(GAP),
    (title ?? "").padEnd(drawn),
    peak === 0 ? "" : "highest".padStart(peak),
  ].join("");
  return [
    { rank: HEAD_RANK, lines: [[{ text: head, tone: "dim" }]] },
    ...CHARTS[status.role].map((chart, i) => ({ rank: chart.rank, lines: [line(chart, i)] })),
  ];
}
