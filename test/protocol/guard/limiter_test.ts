import assert from "node:assert/strict";
import test from "node:test";
import { Limiter, TokenBucket } from "#src/protocol/guard/limiter.ts";

const NOW = 1_000_000;

/** What both kinds of bucket are asked. */
interface Bucket {
  take(now: number, reserve?: number): boolean;
  has(now: number, reserve?: number): boolean;
}

/** The bucket of one key of a {@link Limiter}. */
function ofKey(limiter: Limiter): Bucket {
  return {
    take: (now, reserve) => limiter.take(7, 8, now, reserve),
    has: (now, reserve) => limiter.has(7, 8, now, reserve),
  };
}

const KINDS: readonly (readonly [string, (rate: number, burst: number) => Bucket])[] = [
  ["TokenBucket", (rate, burst) => new TokenBucket(rate, burst)],
  ["Limiter", (rate, burst) => ofKey(new Limiter(rate, burst, 1, 2, 64))],
];

/** Takes until refused. @returns how many were taken */
function drain(bucket: Bucket, now: number, reserve?: number): number {
  let count = 0;
  while (count < 10_000 && bucket.take(now, reserve)) count++;
  return count;
}

for (const [kind, make] of KINDS) {
  test(`${kind} has its burst at once, and its rate within a second to the millisecond`, () => {
    for (const rate of [1, 8, 1_000]) {
      const bucket = make(rate, 1_000);
      assert.equal(drain(bucket, NOW), 1_000);
      assert.equal(drain(bucket, NOW + 999), rate - 1);
      assert.equal(drain(bucket, NOW + 1_000), 1);
    }
  });

  test(`${kind} has one token where its burst is smaller`, () => {
    for (const burst of [0, 0.5, 1]) assert.equal(drain(make(1_000, burst), NOW), 1);
  });

  test(`${kind} has its burst however slow it is`, () => {
    for (const rate of [1, 1e-6, 1e-12, 1e-15]) {
      const bucket = make(rate, 2);
      assert.equal(bucket.has(0), true, `${rate}`);
      assert.equal(drain(bucket, 0), 2, `${rate}`);
    }
  });

  test(`${kind}.has() says whether take() finds a token, with a reserve and without`, () => {
    const bucket = make(1_000, 10);
    for (const reserve of [0.5, undefined]) {
      for (let left = 10; left > 0; left--) {
        const has = bucket.has(NOW, reserve);
        assert.equal(bucket.take(NOW, reserve), has);
      }
    }
    assert.equal(drain(bucket, NOW), 0);
    assert.deepEqual([bucket.has(NOW), bucket.has(NOW, 0.5)], [false, false]);
    assert.deepEqual([bucket.has(NOW + 5), bucket.has(NOW + 5, 0.5)], [true, false]);
    assert.deepEqual([bucket.has(NOW + 6), bucket.has(NOW + 6, 0.5)], [true, true]);
  });
}

test("TokenBucket.has() and take() find none at a rate of 0, and one always at Infinity", () => {
  const [none, all] = [new TokenBucket(0, 5), new TokenBucket(Infinity, 1)];
  for (const reserve of [0, 0.5, 1]) {
    assert.deepEqual([none.has(NOW, reserve), drain(none, NOW, reserve)], [false, 0]);
    assert.deepEqual([all.has(NOW, reserve), drain(all, NOW, reserve)], [true, 10_000]);
  }
});

test("Limiter without a limit refuses nobody, whatever is left to others", () => {
  const never = new Limiter(0, 5, 1, 2, 64);
  const noMore = new Limiter(10, 5, 1, 2, 64);
  noMore.set(0, 5, NOW);
  for (const bucket of [ofKey(never), ofKey(noMore)]) {
    for (const reserve of [0, 0.5, 1]) {
      assert.deepEqual([drain(bucket, NOW, reserve), bucket.has(NOW, reserve)], [10_000, true]);
    }
  }
});

test("Limiter has keys in each of its cells", () => {
  const limiter = new Limiter(1, 1, 1, 2, 4);
  const served = Array.from({ length: 100 }, (_, key) => limiter.take(key, 0, NOW));
  assert.equal(served.filter(Boolean).length, 4);
});
