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
  take(now: number, reserve = 0): boolean {
    this.milliTokens = Math.min(
      this.burst * 1_000,
      this.milliTokens + (now - this.last) * this.rate,
    );
    this.last = now;
    const { burst } = this;
    if (this.milliTokens < 1_000 * Math.min(burst, burst * reserve + 1)) return false;
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

test("TokenBucket.take() leaves a reserve to who asks for none (R-15)", () => {
  const takes = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.boolean()), { maxLength: 200 });
  fc.assert(fc.property(rate, burst, takes, (rate, burst, takes) => {
    const bucket = new TokenBucket(rate, burst);
    const naive = new NaiveBucket(rate, burst);
    let now = 0;
    for (const [step, leaves] of takes) {
      now += step;
      const reserve = leaves ? 0.5 : 0;
      assert.equal(bucket.take(now, reserve), naive.take(now, reserve));
    }
  }));
});

test("Limiter.take() agrees with a map of textbook buckets for keys in cells of their own (S-31)", () => {
  const key = fc.constantFrom(0, 1, 2, 0x7fffffff, 0x80000000, 0xc0000201, 0xc0000202, 0xffffffff);
  const operations = fc.array(fc.tuple(key, fc.nat({ max: 300 })), { maxLength: 300 });
  fc.assert(fc.property(rate, burst, operations, (rate, burst, operations) => {
    const limiter = new Limiter(rate, burst, 1, 2);
    const naive = new Map<number, NaiveBucket>();
    let now = 0;
    for (const [key, step] of operations) {
      now += step;
      let bucket = naive.get(key);
      if (bucket === undefined) naive.set(key, bucket = new NaiveBucket(rate, burst));
      assert.equal(limiter.take(key, 7, now), bucket.take(now));
    }
  }));
});

test("Limiter.take() gives no key more than burst + rate x time, whatever keys are sprayed (S-31)", () => {
  const operations = fc.array(fc.tuple(fc.nat(40), fc.nat({ max: 300 })), { maxLength: 500 });
  fc.assert(fc.property(rate, burst, operations, (rate, burst, operations) => {
    const limiter = new Limiter(rate, burst, 1, 2, 8);
    const taken = new Map<number, number>();
    let now = 0;
    for (const [key, step] of operations) {
      now += step;
      if (limiter.take(key, 0, now)) taken.set(key, (taken.get(key) ?? 0) + 1);
      assert.ok((taken.get(key) ?? 0) <= burst + (now * rate) / 1_000);
    }
  }));
});

test("Limiter.take() holds a key back that 100,000 others are to make it forget (S-31)", () => {
  const limiter = new Limiter(1, 5, 1, 2);
  for (let i = 0; i < 5; i++) assert.ok(limiter.take(42, 0, 0));
  for (let other = 100; other < 100_100; other++) {
    limiter.take(other, 0, 0);
    assert.equal(limiter.take(42, 0, 0), false);
  }
});

test("Limiter.take() lets one greedy key in 65,536 cells hold back few others (S-31)", () => {
  const limiter = new Limiter(1, 5, 1, 2);
  for (let i = 0; i < 100; i++) limiter.take(42, 0, 0);
  let refused = 0;
  for (let key = 100; key < 20_100; key++) if (!limiter.take(key, 0, 0)) refused++;
  assert.ok(refused <= 5, `${refused} of 20,000`);
});

test("Limiter.take() spreads keys by both words, and by its own key", () => {
  for (const [word0, word1] of [[1, 0], [0, 1]] as const) {
    const limiter = new Limiter(1, 1, 1, 2);
    for (let i = 0; i < 100; i++) assert.ok(limiter.take(i * word0, i * word1, 0));
  }
  const shared = (key0: number) => {
    const limiter = new Limiter(1, 1, key0, 2, 64);
    return Array.from({ length: 64 }, (_, i) => limiter.take(i, 0, 0)).join();
  };
  assert.notEqual(shared(1), shared(3));
});

test("Limiter with rate 0 never limits, TokenBucket with 0 never gives, with Infinity always", () => {
  const limiter = new Limiter(0, 1, 1, 2);
  const bucket = new TokenBucket(0, 10);
  const endless = new TokenBucket(Infinity, 1);
  for (let i = 0; i < 100; i++) {
    assert.ok(limiter.take(1, 0, 0));
    assert.equal(bucket.take(i * 1_000), false);
    assert.ok(endless.take(i / 1_000, 0.5));
  }
});

test("a full bucket holds its whole burst at rates that are no fraction of a second", () => {
  for (const rate of [3, 7, 11, 13, 999]) {
    for (const now of [0, 1e9 + 0.1, 1e11 + 0.3]) {
      const bucket = new TokenBucket(rate, 30);
      const limiter = new Limiter(rate, 30, 1, 2);
      let taken = 0;
      for (let i = 0; i < 100; i++) {
        taken += Number(bucket.take(now)) + Number(limiter.take(7, 0, now));
      }
      assert.equal(taken, 60, `rate ${rate} at ${now}`);
    }
  }
});
