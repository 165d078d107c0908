import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Ring } from "#src/daemon/history/ring.ts";
import { Rows } from "#src/daemon/history/rows.ts";

test("Ring.put() keeps the newest rows, and says of those passed over that nothing is known", () => {
  const ring = new Ring(2, 4);
  assert.equal(ring.count, 0);
  assert.ok(Number.isNaN(ring.value(0, 0)));
  ring.put(10, [1, 2]);
  assert.deepEqual([ring.oldest, ring.newest, ring.count], [10, 10, 1]);
  ring.put(12, [3, 4]);
  ring.put(13, [5, 6]);
  const of = (column: number) => [10, 11, 12, 13].map((row) => ring.value(row, column));
  assert.deepEqual(of(0), [1, NaN, 3, 5]);
  assert.deepEqual(of(1), [2, NaN, 4, 6]);
  ring.put(14, [7, 8]);
  assert.deepEqual([ring.oldest, ring.newest, ring.count], [11, 14, 4]);
  assert.deepEqual(of(0), [NaN, NaN, 3, 5], "what has gone is not known, and not another row's");
  ring.put(13, [9, 9]);
  assert.equal(ring.value(13, 0), 5, "what has passed stays as it is");
});

test("Ring.put() after longer than it holds keeps nothing of before", () => {
  const ring = new Ring(1, 4);
  for (let row = 0; row < 6; row++) ring.put(row, [row]);
  ring.put(1_000_000_000, [7]);
  assert.equal(ring.count, 4);
  const rows = [999_999_996, 999_999_997, 999_999_998, 999_999_999, 1_000_000_000];
  assert.deepEqual(rows.map((row) => ring.value(row, 0)), [NaN, NaN, NaN, NaN, 7]);
});

test("Ring.mean() is that of what is known", () => {
  const ring = new Ring(1, 10);
  ring.put(3, [1]);
  ring.put(6, [5]);
  ring.put(7, [NaN]);
  assert.equal(ring.mean(0, 0, 9), 3);
  assert.equal(ring.mean(0, 3, 4), 1);
  assert.ok(Number.isNaN(ring.mean(0, 4, 5)));
});

test("Ring is a map of the last rows, whatever is put", () => {
  const puts = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer()), { maxLength: 40 });
  fc.assert(fc.property(puts, fc.integer({ min: 1, max: 7 }), (steps, length) => {
    const ring = new Ring(1, length);
    const all = new Map<number, number>();
    let row = -1;
    for (const [step, value] of steps) {
      row += step;
      ring.put(row, [value]);
      all.set(row, Math.fround(value));
    }
    const first = Math.max(row - length + 1, 0);
    for (let i = 0; i <= row + 2; i++) {
      assert.deepEqual(ring.value(i, 0), i < first ? NaN : all.get(i) ?? NaN);
    }
  }));
});

test("Rows of both roles take less than 2 MiB, and never more", () => {
  for (const role of ["relay", "server"] as const) {
    const { seconds, minutes, columns } = new Rows(role);
    assert.equal(seconds.length, 15 * 60);
    assert.equal(minutes.length, 24 * 60);
    assert.ok(seconds.bytes + minutes.bytes <= 2 * 1024 * 1024);
    assert.equal(new Set(columns.map(({ name }) => name)).size, columns.length);
  }
});
