import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Limiter, TokenBucket } from "#src/protocol/guard/limiter.ts";

/** Rates whose interval is a whole number of milliseconds, so that sums are exact in both. */
const rate = fc.constantFrom(1, 2, 4, 5, 8, 10, 20, 50, 100, 1_000);
const burst = fc.integer({ min: 1, max: 20 });

/** A textbook token bucket, in thousandths of a token; slow and obvious. */
class NaiveBucket {
  milliTokens: number;
  last = 0;
  readonly rate: number;
  readonly burst: number;
  constructor(rate: number, burst: number) {
    this.rate = rate;
    this.burst = burst;
    this.milliTokens = burst * 1_000;
  }
  take(now: number): boolean {
    this.milliTokens = Math.min(
      this.burst * 1_000,
      this.milliTokens + (now - this.last) * this.rate,
    );
    this.last = now;
    if (this.milliTokens < 1_000) return false;
    this.milliTokens -= 1_000;
    return true;
  }
}

const steps = fc.array(fc.nat({ max: 400 }), { maxLength: 200 });

test("TokenBucket.take() agrees with a textbook bucket (I-01)", () => {
  fc.assert(fc.property(rate, burst, steps, (rate, burst, steps) => {
    const bucket = new TokenBucket(rate, burst);
    const naive = new NaiveBucket(rate, burst);
    let now = 0;
    for (const step of steps) {
      now += step;
      assert.equal(bucket.take(now), naive.take(now));
    }
  }));
});

test("TokenBucket.take() never gives more than burst + rate x time (I-01)", () => {
  fc.assert(fc.property(rate, burst, steps, (rate, burst, steps) => {
    const bucket = new TokenBucket(rate, burst);
    let now = 0;
    let taken = 0;
    for (const step of steps) {
      now += step;
      if (bucket.take(now)) taken++;
      assert.ok(taken <= burst + (now * rate) / 1_000);
    }
  }));
});

test("Limiter.take() agrees with a map of textbook buckets while keys fit (S-31)", () => {
  // Eight keys fit into any one set, however they are hashed.
  const key = fc.constantFrom(0, 1, 2, 0x7fffffff, 0x80000000, 0xc0000201, 0xc0000202, 0xffffffff);
  const operations = fc.array(fc.tuple(key, fc.nat({ max: 300 })), { maxLength: 300 });
  fc.assert(fc.property(rate, burst, operations, (rate, burst, operations) => {
    const limiter = new Limiter(rate, burst, 8);
    const naive = new Map<number, NaiveBucket>();
    let now = 0;
    for (const [key, step] of operations) {
      now += step;
      let bucket = naive.get(key);
      if (bucket === undefined) naive.set(key, bucket = new NaiveBucket(rate, burst));
      assert.equal(limiter.take(key, now), bucket.take(now));
    }
  }));
});

test("Limiter.take() holds one key back whatever other keys are sprayed (S-31)", () => {
  fc.assert(fc.property(fc.array(fc.nat(0xffffffff), { maxLength: 500 }), (others) => {
    const limiter = new Limiter(1, 5, 8);
    for (let i = 0; i < 5; i++) assert.ok(limiter.take(42, 0));
    for (const other of others) {
      if (other !== 42) limiter.take(other, 0);
      assert.equal(limiter.take(42, 0), false);
    }
  }));
});

test("Limiter.take() gives a key not seen before its token, however full the table is", () => {
  const limiter = new Limiter(1, 2, 8);
  for (let key = 0; key < 10_000; key++) assert.ok(limiter.take(key, 0), `key ${key}`);
});

test("Limiter with rate 0 never limits, TokenBucket with rate 0 never gives", () => {
  const limiter = new Limiter(0, 1, 8);
  const bucket = new TokenBucket(0, 10);
  for (let i = 0; i < 100; i++) {
    assert.ok(limiter.take(1, 0));
    assert.equal(bucket.take(i * 1_000), false);
  }
});

test("a full bucket holds its whole burst at rates that are no fraction of a second", () => {
  for (const rate of [3, 7, 11, 13, 999]) {
    for (const now of [0, 1e9 + 0.1, 1e11 + 0.3]) {
      const bucket = new TokenBucket(rate, 30);
      const limiter = new Limiter(rate, 30, 8);
      let taken = 0;
      for (let i = 0; i < 100; i++) {
        taken += Number(bucket.take(now)) + Number(limiter.take(7, now));
      }
      assert.equal(taken, 60, `rate ${rate} at ${now}`);
    }
  }
});
