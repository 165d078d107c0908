import assert from "node:assert/strict";
import test from "node:test";
import { chart } from "./chart.ts";
import { markdown } from "./report.ts";
import {
  NO_WORSE,
  ratioOf,
  Results,
  type Row,
  type RowSpec,
  type Target,
  verdictOf,
  type Who,
} from "./results.ts";

const SPEC: RowSpec = { part: "b", name: "rate", unit: "1/s", better: "more" };
const TWICE: readonly Target[] = [{ than: "miredo", ratio: 2 }];
const HALF: readonly Target[] = [{ than: "miredo", ratio: 0.5 }];

type Values = (number | null)[];

function row(teredo: Values, miredo: Values, more: Partial<RowSpec> = {}): Row {
  return rowOf({ teredo, miredo }, more);
}

function rowOf(by: Partial<Record<Who, Values>>, more: Partial<RowSpec> = {}): Row {
  const series = Object.fromEntries(
    Object.entries(by).map(([who, values]) => [who, { values, limited: 0 }]),
  );
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

test("ratioOf() compares the fast path with any other, ours without it too", () => {
  const given = rowOf({ teredo: [10, 20], fast: [30, 40], kernel: [60, 80], miredo: [5, 5] });
  assert.equal(ratioOf(given, "teredo", "fast"), 2.5);
  assert.equal(ratioOf(given, "kernel", "fast"), 0.5);
  assert.equal(ratioOf(given, "miredo", "fast"), 7);
  assert.equal(ratioOf(given, "miredo"), 3);
});

const FAST_TWICE: readonly Target[] = [{ ours: "fast", than: "miredo", ratio: 2 }];

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
  [
    "of the fast path alone, reached",
    rowOf({ miredo: [10], teredo: [10], fast: [20] }, { targets: FAST_TWICE }),
    "met",
  ],
  [
    "of the fast path alone, missed",
    rowOf({ miredo: [10], teredo: [20], fast: [19] }, { targets: FAST_TWICE }),
    "missed",
  ],
  [
    "of both, one missed",
    rowOf({ miredo: [10], teredo: [19], fast: [20] }, { targets: [...TWICE, ...FAST_TWICE] }),
    "missed",
  ],
  [
    "the fast path failed",
    rowOf({ miredo: [10], teredo: [20], fast: [null] }, { targets: FAST_TWICE }),
    "failed",
  ],
  [
    "no worse than without, by 3 %",
    rowOf({ teredo: [100], fast: [97] }, { targets: [NO_WORSE] }),
    "met",
  ],
  ["worse than without", rowOf({ teredo: [100], fast: [96] }, { targets: [NO_WORSE] }), "missed"],
  ["too much with the fast path", rowOf({ teredo: [1], fast: [301] }, { most: 300 }), "missed"],
  ["too little in the kernel", rowOf({ fast: [94] }, { least: 95 }), "missed"],
  [
    "a limit, and the fast path failed",
    rowOf({ teredo: [1], fast: [null] }, { most: 2 }),
    "failed",
  ],
  ["a limit, and none of ours was measured", rowOf({ miredo: [1] }, { most: 2 }), "failed"],
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

const MACHINE = {
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

test("attempt() shows what went wrong outside of a row, once, beside the rows before it", async () => {
  const results = new Results();
  await results.attempt("h", "a case", async () => {
    await results.add(SPEC, "fast", 1);
    throw new Error("no core");
  });
  await results.attempt("h", "another", () => results.add(SPEC, "fast", 2));
  assert.deepEqual(results.rows.map(({ name, series }) => [name, series]), [
    ["rate", { fast: { values: [1, 2], limited: 0 } }],
    ["a case", { teredo: { values: [null], limited: 0, failure: "no core" } }],
  ]);
});

test("markdown() and chart() show what failed, and escape what would end an element", () => {
  const rows = [
    row([null], [10], { targets: TWICE }),
    row([20], [10], { name: "a <b> & c", targets: TWICE }),
  ];
  const text = markdown(MACHINE, rows);
  assert.match(text, /\| rate \|.*\| 10.0 \| failed \|.*\*\*failed\*\* \|/);
  assert.match(text, /\| 2.00 \|.*≥ 2 x: met \|/);
  const svg = chart(rows, "<caption>");
  assert.ok(svg.includes("a &lt;b&gt; &amp; c") && svg.includes("&lt;caption&gt;"));
  assert.equal(svg.match(/<rect /g)?.length, 1);
});

test("markdown() and chart() show the fast path where it was measured, and nowhere else", () => {
  const by = { miredo: [10], teredo: [11], fast: [25], kernel: [50] };
  const text = markdown(MACHINE, [
    row([20], [10]),
    rowOf(by, { part: "h", name: "small", targets: [...FAST_TWICE, NO_WORSE] }),
  ]);
  const [plain, withFast] = text.split("### ").slice(1);
  assert.doesNotMatch(plain!, /fast path|kernel|frames|target/);
  assert.match(
    withFast!,
    /\| 10.0 \| 11.0 \| 25.0 \| 50.0 \| 1.10 \| 0.22 \| 2.50 \| 2.27 \| 0.50 \|/,
  );
  assert.match(withFast!, /fast path ≥ 2 x, fast path ≥ 0.97 x teredo: met/);

  const both = rowOf(by, { name: "small", targets: [...TWICE, ...FAST_TWICE] });
  const svg = chart([both], "");
  assert.equal(svg.match(/<rect /g)?.length, 2);
  assert.match(svg, />small<[^]*>1\.10 x<[^]*>fast path: small<[^]*>2\.50 x</);
});
