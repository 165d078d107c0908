import assert from "node:assert/strict";
import test from "node:test";
import { reportOf, slopesOf } from "./findings.ts";
import type { Soaked } from "./soak.ts";

const STARTED_AT = 1_000_000;
const WARM_UP = 1_200;
const SECONDS = 2 * WARM_UP;

/** A server that grows by 10 MiB in its warm-up, and by so many in as long again. */
function soaked(later: number): Soaked {
  const vitals = Array.from({ length: SECONDS }, (_, second) => {
    const heap = 30 + 10 * Math.min(1, second / WARM_UP) +
      later * Math.max(0, second / WARM_UP - 1);
    const noise = second % 2 / 10;
    const size = heap + noise;
    return {
      at: STARTED_AT + 1_000 * second,
      role: "server" as const,
      pid: 7,
      resident: size + 40,
      heap: size,
      descriptors: 30,
      threads: 6,
    };
  });
  return {
    saturation: 10_000,
    rate: 6_000,
    seconds: SECONDS,
    warmUp: WARM_UP,
    startedAt: STARTED_AT,
    legs: [],
    vitals,
  };
}

const CASES: readonly (readonly [what: string, later: number, warmUp: number, isFlat: boolean])[] =
  [
    ["grew while it warmed up", 0, WARM_UP, true],
    ["grew while it warmed up, by a run without a warm-up", 0, 0, false],
    ["goes on to grow", 5, WARM_UP, false],
  ];

for (const [what, later, warmUp, isFlat] of CASES) {
  test(`slopesOf() of a server that ${what} is ${isFlat ? "flat" : "not flat"}`, () => {
    const run = { ...soaked(later), warmUp };
    const slopes = slopesOf(run).filter(({ name }) => /^server: (resident|heap)/.test(name));
    assert.deepEqual(slopes.map(({ slope }) => slope!.isFlat), [isFlat, isFlat]);
    assert.match(reportOf(run, slopes, 1, "A machine."), isFlat ? /\| yes/ : /\*\*no\*\*/);
  });
}

test("reportOf() tells the minutes that count, and those before them", () => {
  const report = reportOf(soaked(0), [], 1, "A machine.");
  assert.match(report, /A machine\. 20\.0 minutes after 20 to warm up, seed 1\./);
});
