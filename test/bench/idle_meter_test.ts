import assert from "node:assert/strict";
import test from "node:test";
import { coresUsed } from "./idle_meter.ts";
import type { Soaked } from "./soaker.ts";

const took = (loops: number, seconds = 1): Soaked => ({ loops, seconds });

const CASES: readonly (readonly [string, Soaked[], Soaked[], number])[] = [
  ["nothing, of two idle cores", [took(100), took(200)], [took(100), took(200)], 0],
  ["all of one", [took(100), took(200)], [took(0), took(200)], 1],
  ["half of each, however fast each is", [took(100), took(200)], [took(50), took(100)], 1],
  ["the same in a window of another length", [took(100, 0.5)], [took(300, 2)], 0.25],
  ["less than nothing, where it was the pause that was disturbed", [took(80)], [took(100)], -0.25],
];

for (const [name, free, left, expected] of CASES) {
  test(`coresUsed(): ${name}`, () => {
    assert.ok(Math.abs(coresUsed(free, left) - expected) < 1e-9, `${coresUsed(free, left)}`);
  });
}
