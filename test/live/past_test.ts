import assert from "node:assert/strict";
import test from "node:test";
import { Past, SPAN } from "#src/cli/live/past.ts";

/** At a second that begins columns of 10 and of 100 seconds, and of 30. */
const T = 1_700_000_100;

/** The value of each second up to `T - 1`, the last of them. */
function past(seconds: number, value: (ago: number) => number): Past {
  const made = new Past(1);
  for (let ago = seconds; ago >= 1; ago--) made.add(T - ago, [value(ago)]);
  return made;
}

test("Past.columns() are means over equal times", () => {
  const made = past(SPAN, (ago) => ago <= 100 ? 3 : ago % 2);
  assert.deepEqual(made.columns(0, T - 1, 3), [0.5, 0.5, 3]);
  assert.equal(made.columns(0, T - 1, 1_000).length, SPAN);
  assert.equal(made.columns(0, T - 1, 39).length, 37);
});

test("Past.columns() move with the time and do not change", () => {
  const made = past(SPAN, (ago) => ago * ago);
  const before = made.columns(0, T - 1, 10);
  made.add(T, [5]);
  const after = made.columns(0, T, 10);
  assert.deepEqual(after.slice(0, -1), before.slice(1));
  assert.equal(after.at(-1), 5);
});

test("Past.columns() of what nobody told are not known", () => {
  const made = past(35, () => 2);
  const columns = made.columns(0, T - 1, 10);
  assert.deepEqual(columns.map((it) => Number.isNaN(it)), [...Array(8).fill(true), false, false]);
  // The daemon does not answer: time goes on.
  assert.deepEqual(made.columns(0, T + 59, 10).slice(-3), [2, NaN, NaN]);
});

test("Past.add() knows nothing of a gap, nor of what is older than the span", () => {
  const made = past(SPAN, () => 9);
  made.add(T + 100, [1]);
  assert.deepEqual(made.columns(0, T + 100, 3).slice(-1), [1]);
  assert.equal(made.peak(0, T + 100), 9);
  made.add(T + 100 + 10 * SPAN, [2]);
  assert.equal(made.peak(0, T + 100 + 10 * SPAN), 2);
  assert.equal(made.last(0), 2);
});

test("Past of which nothing is known", () => {
  const made = new Past(2);
  assert.deepEqual([made.peak(1, T), made.last(1), made.newest], [NaN, NaN, -Infinity]);
  assert.deepEqual([made.peak(1, made.newest), made.columns(1, made.newest, 2)], [NaN, [NaN, NaN]]);
  assert.ok(made.columns(1, T, 5).every((it) => Number.isNaN(it)));
});

test("Past.peak() is the highest second", () => {
  assert.equal(past(SPAN, (ago) => ago === 17 ? 40 : 1).peak(0, T - 1), 40);
});
