import assert from "node:assert/strict";
import test from "node:test";
import { Limiter, TokenBucket } from "#src/protocol/guard/limiter.ts";

const NOW = 1_000_000;

/** Takes until refused. @returns how many were taken */
function drain(take: () => boolean, most = 10_000): number {
  let count = 0;
  while (count < most && take()) count++;
  return count;
}

type Limits = readonly [rate: number, burst: number];

interface Case {
  readonly name: string;
  readonly before: Limits;
  readonly taken: number;
  readonly after: Limits;
  /** Tokens there at once, and 1 s after those are gone. */
  readonly want: readonly [number, number];
}

const cases: readonly Case[] = [
  { name: "the same", before: [10, 20], taken: 15, after: [10, 20], want: [5, 10] },
  { name: "a larger burst", before: [10, 20], taken: 15, after: [10, 100], want: [85, 10] },
  { name: "a smaller burst, all gone", before: [10, 20], taken: 20, after: [10, 5], want: [0, 5] },
  { name: "a smaller burst, few gone", before: [10, 20], taken: 2, after: [10, 5], want: [3, 5] },
  { name: "a faster rate", before: [1, 50], taken: 50, after: [100, 50], want: [0, 50] },
  { name: "a slower rate", before: [100, 50], taken: 20, after: [1, 50], want: [30, 1] },
  { name: "both twice as much", before: [10, 20], taken: 20, after: [20, 40], want: [20, 20] },
  { name: "a burst of one", before: [10, 20], taken: 0, after: [10, 1], want: [1, 1] },
];

for (const { name, before, taken, after, want } of cases) {
  test(`TokenBucket.set(), Limiter.set(): ${name}: as many tokens are missing as before`, () => {
    const bucket = new TokenBucket(...before);
    const limiter = new Limiter(...before, 1, 2, 64);
    const takes = [
      (now: number) => bucket.take(now),
      (now: number) => limiter.take(7, 8, now),
    ];
    for (const take of takes) assert.equal(drain(() => take(NOW), taken), taken);
    bucket.set(...after, NOW);
    limiter.set(...after, NOW);
    for (const take of takes) {
      assert.deepEqual([drain(() => take(NOW)), drain(() => take(NOW + 1_000))], want);
    }
  });
}

test("Limiter.set(): from no limit to one, and back", () => {
  const limiter = new Limiter(0, 1, 1, 2, 64);
  assert.equal(drain(() => limiter.take(1, 1, NOW), 500), 500);
  limiter.set(10, 10, NOW);
  assert.equal(drain(() => limiter.take(1, 1, NOW)), 10);
  limiter.set(0, 1, NOW);
  assert.equal(drain(() => limiter.take(1, 1, NOW), 500), 500);
  limiter.set(10, 10, NOW);
  assert.equal(drain(() => limiter.take(1, 1, NOW)), 10);
});

test("Limiter.set() from no limit tells keys apart from then on", () => {
  const limiter = new Limiter(0, 1, 1, 2, 65_536);
  limiter.set(1, 1, NOW);
  const served = Array.from({ length: 100 }, (_, key) => limiter.take(key, 0, NOW));
  assert.ok(served.filter(Boolean).length > 95, "two keys share a cell by chance alone");
});

test("TokenBucket.set(): to none and to any number of tokens", () => {
  const bucket = new TokenBucket(10, 10);
  assert.equal(drain(() => bucket.take(NOW)), 10);
  bucket.set(0, 10, NOW);
  assert.equal(drain(() => bucket.take(NOW + 60_000)), 0);
  bucket.set(Infinity, 1, NOW);
  assert.equal(drain(() => bucket.take(NOW), 500), 500);
  bucket.set(10, 10, NOW);
  assert.equal(drain(() => bucket.take(NOW)), 10);
});
