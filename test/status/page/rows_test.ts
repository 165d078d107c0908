import assert from "node:assert/strict";
import test from "node:test";

type Column = (number | null)[];

/** What client/rows.js exports; the program itself has it as text. */
interface RowsModule {
  readonly Rows: new () => {
    readonly times: number[];
    take(history: object): void;
    add(event: { readonly time: number; readonly row: Record<string, number> }): void;
    sum(names: readonly string[]): Column;
  };
}

const { Rows }: RowsModule = await import(
  new URL("../../../src/status/page/client/rows.js", import.meta.url).href
);

const history = (from: number, series: Record<string, Column>, step = 1) => ({
  from,
  step,
  count: Math.max(...Object.values(series).map((it) => it.length)),
  series,
});

test("Rows.add() goes on behind Rows.take(), once a second", () => {
  const rows = new Rows();
  rows.take(history(100, { bits_up: [1, 2, null] }));
  rows.add({ time: 102, row: { bits_up: 9 } });
  rows.add({ time: 103, row: { bits_up: 4 } });
  assert.deepEqual(rows.times, [100, 101, 102, 103]);
  assert.deepEqual(rows.sum(["bits_up"]), [1, 2, null, 4]);
});

test("Rows.add() leaves a hole where nobody knows, and where the row is empty", () => {
  const rows = new Rows();
  rows.take(history(100, { bits_up: [1], drops_bad_token: [1] }));
  rows.add({ time: 110, row: { bits_up: 2 } });
  rows.add({ time: 111, row: {} });
  assert.deepEqual(rows.times, [100, 101, 110, 111]);
  assert.deepEqual(rows.sum(["bits_up"]), [1, null, 2, null]);
  // Of a reason that there is nothing of in a row that is known there was none.
  assert.deepEqual(rows.sum(["drops_bad_token"]), [1, null, 0, null]);
});

test("Rows.add() has 0 before the first drop for a reason", () => {
  const rows = new Rows();
  rows.take(history(100, { bits_up: [1, 1] }));
  rows.add({ time: 102, row: { bits_up: 1, drops_truncated: 7 } });
  assert.deepEqual(rows.sum(["drops_truncated"]), [0, 0, 7]);
});

test("Rows.take() fills the gap, and knows better than what was there", () => {
  const rows = new Rows();
  rows.take(history(100, { bits_up: [1, 2] }));
  rows.add({ time: 110, row: { bits_up: 9 } });
  rows.take(history(101, { bits_up: [20, 30, 40], drops_truncated: [1, 1, 1] }));
  assert.deepEqual(rows.times, [100, 101, 102, 103]);
  assert.deepEqual(rows.sum(["bits_up"]), [1, 20, 30, 40]);
  assert.deepEqual(rows.sum(["bits_up", "drops_truncated"]), [1, 21, 31, 41]);
});

test("Rows keeps 15 minutes, also when the clock was set", () => {
  const rows = new Rows();
  const minutes = new Array(900).fill(1);
  rows.take(history(1_000, { bits_up: minutes }));
  for (let time = 1_900; time < 1_950; time++) rows.add({ time, row: { bits_up: 2 } });
  assert.equal(rows.times.length, 900);
  assert.equal(rows.times[0], 1_050);
  rows.take(history(90_000, { bits_up: minutes }));
  assert.equal(rows.times[0], 90_000);
  rows.take(history(500, { bits_up: minutes }));
  assert.deepEqual([rows.times[0], rows.times.length], [500, 900]);
});
