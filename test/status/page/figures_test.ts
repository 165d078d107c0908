import assert from "node:assert/strict";
import test from "node:test";
import type { HistoryDocument } from "#src/status/history_document.ts";
import {
  type Chart,
  type Column,
  figureOf,
  latest,
  rowsOf,
  stacked,
  summaryOf,
} from "#src/status/page/figures.ts";

function historyOf(
  series: HistoryDocument["series"],
  changes: Partial<HistoryDocument> = {},
): HistoryDocument {
  const count = Math.max(0, ...Object.values(series).map((it) => it.length));
  return {
    version: 1,
    role: "relay",
    step: 1,
    from: 1_800_000_000,
    count,
    series,
    changes: [],
    ...changes,
  };
}

const traffic: Chart = {
  id: "bits",
  title: "Traffic",
  unit: "bits",
  lines: [{ label: "both", names: ["bits_up", "bits_down"] }],
};
const drops: Chart = { id: "drops", title: "Drops", unit: "rate", lines: "drops_" };
const valuesOf = (chart: Chart, history: HistoryDocument) =>
  figureOf(chart, history).lines.map(({ label, values }) => [label, values]);

test("figureOf() adds up the series of a line, and knows what is not known", () => {
  const history = historyOf({ bits_up: [1, null, null], bits_down: [2, 3, null] });
  assert.deepEqual(valuesOf(traffic, history), [["both", [3, 3, null]]]);
});

test("figureOf() of series that are not there is a line of nothing known", () => {
  assert.deepEqual(valuesOf(traffic, historyOf({}, { count: 2 })), [["both", [null, null]]]);
});

test("figureOf() shows the largest of many series, and the others together", () => {
  const names = ["truncated", "not_teredo", "not_ipv6", "bad_length", "source_scope", "bad_token"];
  const series = Object.fromEntries(names.map((name, i) => [`drops_${name}`, [i, i]]));
  assert.deepEqual(valuesOf(drops, historyOf(series)).map(([label]) => label), [
    "bad_token",
    "source_scope",
    "bad_length",
    "not_ipv6",
    "not_teredo",
  ]);
  const more = { ...series, drops_truncated: [0.5, 0.5], drops_hold_full: [9, 9] };
  assert.deepEqual(valuesOf(drops, historyOf(more)), [
    ["hold_full", [9, 9]],
    ["bad_token", [5, 5]],
    ["source_scope", [4, 4]],
    ["bad_length", [3, 3]],
    ["not_ipv6", [2, 2]],
    ["2 others", [1.5, 1.5]],
  ]);
});

test("stacked() puts each column upon those before it, and a hole where it has one", () => {
  const columns: Column[] = [[1, 2, null], [10, null, null], [100, 200, 300]];
  assert.deepEqual(stacked(columns), [[1, 2, null], [11, null, null], [111, 200, 300]]);
});

test("latest() is the last value that is known", () => {
  assert.equal(latest([1, 0, null]), 0);
  assert.equal(latest([null]), undefined);
  assert.equal(latest([]), undefined);
});

const summaries = [
  { name: "a range", values: [1e6, 3e6, null], text: "both: 1 Mbit/s to 3 Mbit/s, mean 2 Mbit/s." },
  { name: "one value", values: [1e6, 1e6], text: "both: 1 Mbit/s all the time." },
  { name: "nothing", values: [null, null], text: "both: not known yet." },
];

for (const { name, values, text } of summaries) {
  test(`summaryOf() says ${name}`, () => {
    assert.equal(summaryOf(figureOf(traffic, historyOf({ bits_up: values }))), text);
  });
}

test("summaryOf() of no line at all says so", () => {
  assert.equal(summaryOf(figureOf(drops, historyOf({}))), "None in this time.");
});

test("rowsOf() gives means of whole minutes, the newest first, without empty ones", () => {
  // It begins 10 s before a minute's end; the third minute is not known.
  const from = 1_800_000_050;
  const values = [
    ...Array.from({ length: 10 }, () => 1_000),
    ...Array.from({ length: 60 }, (_, i) => i < 30 ? 2_000 : 4_000),
    ...Array.from({ length: 60 }, () => null),
    5_000,
  ];
  const history = historyOf({ bits_up: values }, { from });
  assert.deepEqual(rowsOf(figureOf(traffic, history), history), [
    { time: 1_800_000_180, cells: ["5 kbit/s"] },
    { time: 1_800_000_060, cells: ["3 kbit/s"] },
    { time: 1_800_000_000, cells: ["1 kbit/s"] },
  ]);
});

test("rowsOf() gives means of whole hours of what has a row a minute", () => {
  const history = historyOf({ bits_up: new Array(120).fill(8_000) }, {
    step: 60,
    from: 1_800_000_000,
  });
  const rows = rowsOf(figureOf(traffic, history), history);
  assert.deepEqual(rows.map(({ time }) => time), [1_800_003_600, 1_800_000_000]);
});
