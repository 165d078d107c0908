import assert from "node:assert/strict";
import test from "node:test";
import { BubbleBudget, Cause } from "#src/protocol/guard/bubble_budget.ts";

const ADDRESS = 0x3c000001;
const OTHER = 0x3c000002;
const RATES = { bubbleRate: 0, addressBubbleRate: 1_000, challengeRate: 1_000_000 };

/** How many of 2,000 at one moment are allowed. */
function granted(take: () => boolean): number {
  let count = 0;
  for (let i = 0; i < 2_000; i++) if (take()) count++;
  return count;
}

test("BubbleBudget.take(): repeats have a tenth of an address's rate, half of it at once (R-15)", () => {
  const budget = new BubbleBudget(RATES, 1, 2);
  const repeats = (now: number) => granted(() => budget.take(ADDRESS, Cause.Repeat, now));
  assert.equal(repeats(0), 50);
  assert.equal(repeats(1_000), 50);
  assert.equal(granted(() => budget.take(OTHER, Cause.Repeat, 1_000)), 50, "each has its own");
});

test("BubbleBudget.take(): a quarter is left for peers that were trusted (R-15)", () => {
  const budget = new BubbleBudget(RATES, 1, 2);
  assert.equal(granted(() => budget.take(ADDRESS, Cause.Meet, 0)), 375);
  assert.ok(!budget.couldMeet(ADDRESS, 0));
  assert.equal(granted(() => budget.take(ADDRESS, Cause.Resume, 0)), 125);
});

test("BubbleBudget: what goes to an address counts together, whoever is the cause (R-15, R-23)", () => {
  for (const first of ["takeForStranger", "takeOfAddress"] as const) {
    const budget = new BubbleBudget(RATES, 1, 2);
    const most = first === "takeForStranger" ? 375 : 500;
    assert.equal(granted(() => budget[first](ADDRESS, 0)), most);
    assert.ok(!budget.take(ADDRESS, Cause.Meet, 0), first);
    assert.ok(budget.take(OTHER, Cause.Meet, 0), first);
    assert.equal(granted(() => budget.takeOfAddress(ADDRESS, 0)), 500 - most, first);
  }
});
