import assert from "node:assert/strict";
import test from "node:test";
import { Prng } from "#test/sim/prng.ts";
import { type Point, slopeOf } from "./slope.ts";

const random = new Prng(1);
const SECONDS = 300;
const series = (value: (at: number) => number, process = 1): Point[] =>
  Array.from({ length: SECONDS }, (_, at) => ({ at, value: value(at), process }));
const noisy = () => random.between(-2, 2);

const CASES: readonly (readonly [what: string, points: Point[], isFlat: boolean])[] = [
  ["nothing but noise", series(() => 100 + noisy()), true],
  ["a number that stays", series(() => 38), true],
  ["a collector's sawtooth", series((at) => 100 + at % 30), true],
  ["less with time", series((at) => 100 - at / 10), true],
  ["a burst that goes", series((at) => at > 100 && at < 110 ? 900 : 100 + noisy()), true],
  ["a descriptor a minute", series((at) => 38 + Math.floor(at / 60)), false],
  ["a leak below the noise of a moment", series((at) => 100 + at / 30 + noisy()), false],
  ["a leak under a sawtooth", series((at) => 100 + at % 10 + at / 10), false],
];

for (const [what, points, isFlat] of CASES) {
  test(`slopeOf() of ${what} is ${isFlat ? "flat" : "not flat"}`, () => {
    assert.equal(slopeOf(points, 30)!.isFlat, isFlat);
  });
}

test("slopeOf() fits within processes, each warmed up, whatever is between them", () => {
  const grown = (at: number) => at < 60 ? at : 60;
  const both = [
    ...series((at) => 50 + grown(at)),
    ...series((at) => 90 + grown(at), 2).map((it) => ({ ...it, at: it.at + SECONDS })),
  ];
  assert.equal(slopeOf(both, 60)!.perHour, 0);
  assert.ok(slopeOf(both, 0)!.drift > 0 || slopeOf(both, 0)!.noise > 0);
  assert.equal(slopeOf(both, SECONDS), undefined);
});

test("slopeOf() takes less than a step for no growth", () => {
  const points = series((at) => 7 + at / 1_000);
  assert.equal(slopeOf(points, 0)!.isFlat, false);
  assert.equal(slopeOf(points, 0, 1)!.isFlat, true);
});
