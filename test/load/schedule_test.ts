import assert from "node:assert/strict";
import test from "node:test";
import { Schedule } from "./schedule.ts";

/** Asks every `tick` milliseconds, as the generator does. @returns packets sent at each tick */
function ticks(schedule: Schedule, at: readonly number[]): number[] {
  return at.map((now) => {
    const due = schedule.due(now);
    schedule.sent += due;
    return due;
  });
}

test("Schedule.due() follows the rate from the start, to the last packet and no further", () => {
  const schedule = new Schedule(10_000, 0.003);
  schedule.start(100);
  assert.deepEqual(ticks(schedule, [100, 101, 102, 103, 104, 105]), [0, 10, 10, 10, 0, 0]);
  assert.ok(schedule.isDone);
});

test("Schedule.due() keeps fractions: none is lost over a second", () => {
  const schedule = new Schedule(333, 1);
  schedule.start(0);
  const sent = ticks(schedule, Array.from({ length: 1_001 }, (_, i) => i));
  assert.equal(sent.reduce((a, b) => a + b), 333);
  assert.ok(Math.max(...sent) <= 1);
});

test("Schedule.due() makes up for a stall at no more than twice the rate", () => {
  const schedule = new Schedule(10_000, 10);
  schedule.start(0);
  const sent = ticks(schedule, [1, 51, 52, 53]);
  assert.deepEqual(sent, [10, 40, 20, 20]);
});

test("Schedule of rate 0 is done before it starts", () => {
  assert.ok(new Schedule(0, 30).isDone);
});
