import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Libc } from "#ffi/libc.ts";
import { bootTime, monotonicTime } from "#ffi/linux/clock.ts";
import { openLibc } from "#ffi/open.ts";

const libc = await openLibc();

test("bootTime() is /proc/uptime's, and goes on", () => {
  const before = bootTime(libc);
  const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
  const after = bootTime(libc);
  assert.ok(before <= uptime + 10 && uptime <= after, `${before} ${uptime} ${after}`);
  assert.ok(monotonicTime(libc) <= bootTime(libc));
});

test("bootTime() and monotonicTime() take memory once, however often they are read", () => {
  let taken = 0;
  const addressOf: Libc["addressOf"] = (bytes) => (taken++, libc.addressOf(bytes));
  const counted = Object.create(libc, { addressOf: { value: addressOf } }) as Libc;
  for (let i = 0; i < 100; i++) assert.ok(monotonicTime(counted) <= bootTime(counted));
  assert.equal(taken, 1);
});
