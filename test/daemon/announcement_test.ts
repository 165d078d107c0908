import assert from "node:assert/strict";
import test from "node:test";
import { Announcement, FIRST_REST, MOST_REST, STEADY } from "#src/daemon/announcement.ts";
import { createLogger } from "#src/log/logger.ts";
import type { LogRecord } from "#src/log/record.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";

const LOOK = 1_000;
const check = (name: string, ok: boolean): ReadinessCheck => ({ name, ok, detail: "" });
const READY = [check("datapath", true), check("serving", true)];
const HUNG = [check("datapath", false), check("serving", true)];
const DRAINING = [check("datapath", true), check("serving", false)];
const HUNG_DRAINING = [check("datapath", false), check("serving", false)];

class Bench {
  now = 0;
  readonly turns: boolean[] = [];
  readonly records: LogRecord[] = [];
  readonly announcement: Announcement;

  constructor() {
    const format = (record: LogRecord) => `${this.records.push(record)}`;
    const log = createLogger({ level: "debug", format, sink: () => {}, time: undefined });
    this.announcement = new Announcement(log, (wanted) => void this.turns.push(wanted));
  }

  /** A look at once, and one each second for so long. */
  is(checks: readonly ReadinessCheck[], lasts = 0): void {
    const end = this.now + lasts;
    this.announcement.follow(checks, this.now);
    while (this.now < end) this.announcement.follow(checks, this.now += LOOK);
  }

  get isOn(): boolean {
    return this.announcement.isOn;
  }
}

test("Announcement: a relay that is ready is announced at once, and once", () => {
  const bench = new Bench();
  bench.is([]);
  assert.deepEqual(bench.turns, [], "before the first look nothing is known");
  bench.is(READY, 60_000);
  assert.deepEqual(bench.turns, [true]);
});

test("Announcement: one that was never ready has nothing to withdraw", () => {
  const bench = new Bench();
  bench.is(HUNG, 60_000);
  assert.deepEqual(bench.turns, []);
});

test("Announcement goes with the first look that finds trouble, and comes when it has rested", () => {
  const bench = new Bench();
  bench.is(READY, 5_000);
  bench.is(HUNG);
  assert.equal(bench.isOn, false);
  bench.is(READY, FIRST_REST - LOOK);
  assert.equal(bench.isOn, false);
  bench.is(READY, LOOK);
  assert.equal(bench.isOn, true);
  assert.deepEqual(bench.turns, [true, false, true]);
});

test("Announcement: trouble in the rest begins it anew", () => {
  const bench = new Bench();
  bench.is(READY);
  bench.is(HUNG);
  for (let i = 0; i < 10; i++) {
    bench.is(READY, FIRST_REST - LOOK);
    bench.is(HUNG, LOOK);
  }
  assert.deepEqual(bench.turns, [true, false]);
});

test("Announcement: a drain takes no rest, and leaves that of trouble as it is", () => {
  const bench = new Bench();
  bench.is(READY);
  for (let i = 0; i < 10; i++) {
    bench.is(DRAINING);
    assert.equal(bench.isOn, false);
    bench.is(READY);
    assert.equal(bench.isOn, true);
  }
  bench.is(HUNG_DRAINING);
  bench.is(READY, FIRST_REST - LOOK);
  assert.equal(bench.isOn, false);
});

test("Announcement: what flaps as fast as it may is announced less and less often, and recovers", () => {
  const bench = new Bench();
  const rests: number[] = [];
  bench.is(READY);
  for (let i = 0; i < 12; i++) {
    bench.is(HUNG);
    const since = bench.now;
    while (!bench.isOn) bench.is(READY, LOOK);
    rests.push(bench.now - since);
  }
  const expected = rests.map((_, i) => Math.min(MOST_REST, FIRST_REST * 2 ** i));
  assert.deepEqual(rests, expected);
  bench.is(READY, STEADY);
  bench.is(HUNG);
  bench.is(READY, FIRST_REST);
  assert.equal(bench.isOn, true);
});

test("Announcement tells what it does and why", () => {
  const bench = new Bench();
  bench.is(READY);
  bench.is(HUNG);
  bench.is(READY, FIRST_REST);
  bench.is(DRAINING);
  const told = bench.records.map(({ message, fields }) => [message, fields.check, fields.seconds]);
  assert.deepEqual(told, [
    ["Announced", undefined, undefined],
    ["Not announced any more", ["datapath"], FIRST_REST / 1000],
    ["Announced", undefined, undefined],
    ["Not announced any more", ["serving"], undefined],
  ]);
});
