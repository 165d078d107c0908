import assert from "node:assert/strict";
import test from "node:test";
import { choosePort } from "#src/daemon/client/port.ts";
import { Settled } from "#src/daemon/client/settled.ts";
import { Sleep } from "#src/daemon/client/sleep.ts";
import { FakeClock } from "./fake_clock.ts";

const DELAY = 250;

const COURSES: readonly (readonly [
  name: string,
  /** Values, each with the time after it. */
  course: readonly (readonly [string, number])[],
  want: readonly string[],
])[] = [
  ["tells of what stays", [["b", 249], ["b", 1]], ["250 a b"]],
  ["and of nothing that goes at once", [["b", 249], ["a", 1_000]], []],
  ["waits until all has come", [["b", 200], ["c", 200], ["d", 250]], ["650 a d"]],
  ["is not put off by being asked", [["b", 100], ["b", 100], ["b", 100]], ["250 a b"]],
  [
    "takes what changes without end after two seconds",
    Array.from({ length: 25 }, (_, i): [string, number] => [`v${i}`, 100]),
    ["2000 a v19"],
  ],
  ["tells again of what comes back", [["b", 250], ["a", 250]], ["250 a b", "500 b a"]],
];

for (const [name, course, want] of COURSES) {
  test(`Settled ${name}`, async () => {
    const clock = new FakeClock();
    const got: string[] = [];
    const settled = new Settled(clock, DELAY, "a", (it) => it, (now, before) => {
      got.push(`${clock.now()} ${before} ${now}`);
    });
    for (const [value, time] of course) {
      settled.look(value);
      await clock.pass(time);
    }
    settled.close();
    await clock.pass(1_000);
    assert.deepEqual(got, want);
  });
}

test("Sleep is what stood still for more than 5 s, not a busy machine", () => {
  let now = 0;
  const sleep = new Sleep(() => now, 1_000);
  const steps = [1_000, 1_010, 6_000, 900, 6_001, 1_000, 61_000, 100];
  const got = steps.map((step) => {
    now += step;
    return sleep.look();
  });
  assert.deepEqual(got, [0, 0, 0, 0, 5_001, 0, 60_000, 0]);
});

test("choosePort takes the port of the last run, else a free one that nobody has registered", () => {
  assert.equal(choosePort(50_000, () => true), 50_000);
  const values = [0, 0.5, 0.99999];
  const tried: number[] = [];
  const isFree = (port: number) => tried.push(port) === 4;
  assert.equal(choosePort(50_000, isFree, () => values.shift()!), 65_535);
  assert.deepEqual(tried, [50_000, 49_152, 57_344, 65_535]);
  assert.equal(choosePort(0, () => false), 0);
});
