import assert from "node:assert/strict";
import test from "node:test";
import { FORGET, FREE_ATTEMPTS, Patience } from "#src/datapath/keep/patience.ts";

/** Tries as often as is allowed, every `step` milliseconds. @returns when it tried */
function attempts(patience: Patience, step: number, end: number): number[] {
  const times: number[] = [];
  for (let now = 0; now < end; now += step) {
    if (!patience.mayTry(now)) continue;
    times.push(now);
    patience.tried(now);
  }
  return times;
}

test("Patience: a fight begins at full speed and comes to one attempt in FORGET", () => {
  const times = attempts(new Patience(), 100, 600_000);
  const first = times.slice(0, FREE_ATTEMPTS);
  assert.deepEqual(first, first.map((_, i) => 100 * i));
  const waits = times.slice(1).map((time, i) => time - times[i]!);
  const later = waits.slice(FREE_ATTEMPTS);
  assert.ok(later[1]! > later[0]! && later[2]! > later[1]!, String(later.slice(0, 5)));
  const lasting = later.slice(later.length / 2);
  const mean = lasting.reduce((sum, it) => sum + it, 0) / lasting.length;
  assert.ok(Math.abs(mean - FORGET) < FORGET / 10, `${mean}`);
});

test("Patience: what happens now and then is put right at once for ever, and is no fight", () => {
  const patience = new Patience();
  for (let now = 0; now < 3_600_000; now += FORGET) {
    assert.ok(patience.mayTry(now));
    assert.equal(patience.tried(now), false);
  }
});

test("Patience.tried() tells of a fight once, and of the next one again", () => {
  const patience = new Patience();
  const told = (from: number) =>
    Array.from({ length: 2 * FREE_ATTEMPTS }, (_, i) => patience.tried(from + i)).filter(Boolean);
  assert.equal(told(0).length, 1);
  assert.equal(told(50).length, 0);
  assert.equal(told(1_000 * FORGET).length, 1);
});
