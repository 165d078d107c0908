import assert from "node:assert/strict";
import test from "node:test";
import { chart } from "./chart.ts";
import { markdown } from "./report.ts";
import { ratioOf, Results, type Row, type RowSpec, type Target, verdictOf } from "./results.ts";

const SPEC: RowSpec = { part: "b", name: "rate", unit: "1/s", better: "more" };
const TWICE: readonly Target[] = [{ than: "miredo", ratio: 2 }];
const HALF: readonly Target[] = [{ than: "miredo", ratio: 0.5 }];

type Values = (number | null)[];

function row(teredo: Values, miredo: Values, more: Partial<RowSpec> = {}): Row {
  const series = { miredo: { values: miredo, limited: 0 }, teredo: { values: teredo, limited: 0 } };
  return { ...SPEC, ...more, series };
}

test("ratioOf() compares within each round, whatever the rounds were like", () => {
  assert.equal(ratioOf(row([20, 200, 3], [10, 100, 1]), "miredo"), 2);
});

test("ratioOf() leaves out rounds that failed, and says nothing when half of them did", () => {
  assert.equal(ratioOf(row([20, null, 40], [10, 10, 10]), "miredo"), 3);
  assert.equal(ratioOf(row([20, 40], [10, null]), "miredo"), undefined);
  assert.equal(ratioOf(row([1], []), "miredo"), undefined);
});

const VERDICTS: readonly (readonly [string, Row, ReturnType<typeof verdictOf>])[] = [
  ["no target", row([1], [1]), undefined],
  ["more, reached", row([20], [10], { targets: TWICE }), "met"],
  ["more, missed", row([19], [10], { targets: TWICE }), "missed"],
  ["less, reached", row([5], [10], { better: "less", targets: HALF }), "met"],
  ["less, missed", row([6], [10], { better: "less", targets: HALF }), "missed"],
  [
    "one of two missed",
    row([20], [10], { targets: [...TWICE, { than: "kernel", ratio: 1 }] }),
    "failed",
  ],
  ["too much", row([301], [1], { most: 300 }), "missed"],
  ["not too much", row([300], [1], { most: 300 }), "met"],
  ["too little", row([0.8], [1], { least: 0.9 }), "missed"],
  ["ours failed", row([null], [10], { targets: TWICE }), "failed"],
  ["theirs failed", row([10], [null], { targets: TWICE }), "failed"],
];

for (const [name, given, expected] of VERDICTS) {
  test(`verdictOf(): ${name}`, () => assert.equal(verdictOf(given), expected));
}

test("Results keeps a failure as such, never as a number", async () => {
  const results = new Results();
  await results.add(SPEC, "teredo", 4);
  await results.add(SPEC, "teredo", 0);
  await results.measure(SPEC, "miredo", () => Promise.reject(new Error("it\n fell over")));
  assert.deepEqual(results.rows, [{
    ...SPEC,
    series: {
      teredo: { values: [4, null], limited: 0, failure: "measured 0" },
      miredo: { values: [null], limited: 0, failure: "it fell over" },
    },
  }]);
});

test("markdown() and chart() show what failed, and escape what would end an element", () => {
  const machine = {
    cpu: "a",
    cores: 1,
    memory: 0,
    kernel: "b",
    teredo: "c",
    miredo: "d",
    runtime: "e",
    rounds: 1,
    started: "2026-11-23 00:00",
    minutes: 1,
  };
  const rows = [
    row([null], [10], { targets: TWICE }),
    row([20], [10], { name: "a <b> & c", targets: TWICE }),
  ];
  const text = markdown(machine, rows);
  assert.match(text, /\| rate \|.*\| 10.0 \| failed \|.*\*\*failed\*\* \|/);
  assert.match(text, /\| 2.00 \|.*≥ 2 x: met \|/);
  const svg = chart(rows, "<caption>");
  assert.ok(svg.includes("a &lt;b&gt; &amp; c") && svg.includes("&lt;caption&gt;"));
  assert.equal(svg.match(/<rect /g)?.length, 1);
});
