import assert from "node:assert/strict";
import test from "node:test";
import {
  Counter,
  COUNTER_NAMES,
  COUNTERS_LENGTH,
  DROPS_AT,
  FAILURES_AT,
  makeCounters,
} from "#src/protocol/counters.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";

const snakeCase = (name: string) => name.replace(/(?!^)([A-Z])/g, "_$1").toLowerCase();

test("Drop numbers are the places of their names", () => {
  assert.equal(Object.keys(Drop).length, DROP_NAMES.length);
  for (const [name, reason] of Object.entries(Drop)) {
    assert.equal(DROP_NAMES[reason]!.replaceAll("_", ""), snakeCase(name).replaceAll("_", ""));
  }
});

test("every name of a drop or a counter is unique and fit for a metric label", () => {
  const names: string[] = [...DROP_NAMES, ...COUNTER_NAMES];
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z][a-z0-9_]*$/);
});

test("makeCounters() has a cell for each counter, each drop, and each failure on each way", () => {
  const counters = makeCounters();
  assert.equal(counters.length, COUNTERS_LENGTH);
  COUNTER_NAMES.forEach((name, at) => assert.equal(Counter[name], at));
  assert.equal(FAILURES_AT - DROPS_AT, DROP_NAMES.length);
  assert.equal(COUNTERS_LENGTH - FAILURES_AT, WAYS_OUT.length * FAILURE_NAMES.length);
});
