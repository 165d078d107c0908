import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Tally } from "./tally.ts";

test("Tally.take() tells packets that are late, twice or strange from the rest", () => {
  const tally = new Tally(10, 2);
  for (const [sequence, flow] of [[0, 0], [2, 0], [1, 1], [2, 0], [3, 1], [1, 0]] as const) {
    tally.take(sequence, flow); // the last one: number 1 again, though of another flow
  }
  for (const [sequence, flow] of [[10, 0], [-1, 0], [4, 2], [4, -1], [NaN, 0]] as const) {
    tally.take(sequence, flow);
  }
  assert.deepEqual(tally.result(), { received: 4, duplicates: 2, reordered: 0, foreign: 5 });
  tally.take(5, 0);
  tally.take(4, 0);
  assert.equal(tally.result().reordered, 1);
  assert.equal(tally.isComplete, false);
});

test("Tally: any order of a whole series is complete, and one packet short of it is not", () => {
  const series = fc.integer({ min: 1, max: 200 }).chain((total) =>
    fc.shuffledSubarray(Array.from({ length: total }, (_, i) => i), { minLength: total })
  );
  fc.assert(fc.property(series, (order) => {
    const tally = new Tally(order.length, 1);
    for (const [i, sequence] of order.entries()) {
      assert.equal(tally.isComplete, false, `before packet ${i}`);
      tally.take(sequence, 0);
    }
    assert.ok(tally.isComplete);
    assert.equal(tally.result().duplicates, 0);
  }));
});
