import assert from "node:assert/strict";
import test from "node:test";
import { TIMER_STEP, Timers } from "#src/protocol/peers/timers.ts";

const NOW = 123_456_789;

/** Takes timers one after the other as their times come; none may come early or a step late. */
function run(timers: Timers, wanted: Map<number, number>): void {
  let last = -Infinity;
  for (let next = timers.next(); next !== Infinity; next = timers.next()) {
    assert.ok(next >= last);
    last = next;
    assert.equal(timers.take(next - 1), 0);
    const id = timers.take(next);
    const at = wanted.get(id);
    assert.ok(at !== undefined, `no timer ${id} is set`);
    assert.ok(next >= at && next < at + TIMER_STEP, `timer of ${at} came at ${next}`);
    wanted.delete(id);
  }
  assert.equal(wanted.size, 0);
  assert.equal(timers.count, 0);
}

test("Timers.take() gives timers in order of time, none early (R-14)", () => {
  const timers = new Timers(100);
  const wanted = new Map<number, number>();
  for (let id = 1; id <= 100; id++) {
    const at = NOW + ((id * 7_919) % 400_000);
    timers.set(id, at, NOW);
    wanted.set(id, at);
  }
  run(timers, wanted);
});

test("Timers.set() replaces, Timers.cancel() removes", () => {
  const timers = new Timers(10);
  timers.set(1, NOW + 1_000, NOW);
  timers.set(2, NOW + 2_000, NOW);
  timers.set(3, NOW + 3_000, NOW);
  timers.set(1, NOW + 4_000, NOW);
  timers.cancel(2);
  timers.cancel(2);
  timers.cancel(9);
  run(timers, new Map([[1, NOW + 4_000], [3, NOW + 3_000]]));
});

test("Timers.set() of a time past fires at the next step", () => {
  const timers = new Timers(10);
  timers.set(1, NOW - 5_000, NOW);
  assert.equal(timers.take(NOW - 100), 0);
  assert.equal(timers.take(NOW + TIMER_STEP), 1);
});

test("Timers.take() gives early what lies past the wheel's end", () => {
  const timers = new Timers(10);
  timers.set(1, NOW + 3_600_000, NOW);
  assert.ok(timers.next() < NOW + 420_000);
  assert.ok(timers.next() > NOW + 400_000);
});

test("Timers.next() is the nearest, also when the furthest stands just behind it on the wheel", () => {
  for (let k = 0; k < 64; k++) {
    const now = NOW + k * TIMER_STEP;
    const timers = new Timers(2);
    timers.set(1, now + 409_300, now);
    timers.set(2, now + 50_000, now);
    run(timers, new Map([[1, now + 409_300], [2, now + 50_000]]));
  }
});

test("Timers.take() gives all after a long sleep, and then keeps time again", () => {
  const timers = new Timers(1_000);
  for (let id = 1; id <= 1_000; id++) timers.set(id, NOW + id * 300, NOW);
  const later = NOW + 10_000_000;
  const taken = new Set<number>();
  for (let id = timers.take(later); id !== 0; id = timers.take(later)) taken.add(id);
  assert.equal(taken.size, 1_000);
  timers.set(5, later + 2_000, later);
  run(timers, new Map([[5, later + 2_000]]));
});

test("Timers.set() while timers are taken keeps order", () => {
  const timers = new Timers(3);
  timers.set(1, NOW + 500, NOW);
  timers.set(2, NOW + 500, NOW);
  assert.equal(timers.take(NOW + 600), 1);
  timers.set(1, NOW + 2_500, NOW + 600);
  timers.set(3, NOW + 601, NOW + 600);
  assert.equal(timers.take(NOW + 600), 2);
  assert.equal(timers.take(NOW + 600), 0);
  run(timers, new Map([[3, NOW + 601], [1, NOW + 2_500]]));
});
