import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import type { Millis } from "#src/protocol/time.ts";
import { disturb, HOUR, MINUTE, Scenario, SECOND } from "./scenario.ts";
import { PATIENT, ROOMY, simulate } from "./simulate.ts";
import type { World } from "./world.ts";

const DAY = 24 * HOUR;
/** A year of them takes minutes of processor time: `scripts/release_check`. */
const DAYS = Number(process.env["TEREDO_SIM_DAYS"] ?? 1 / 24);
/** How long what the year is made of lasts otherwise. */
const SAMPLE = 40 * MINUTE;

/** Where milliseconds, and the timers' steps of 100 of them, no longer fit into 31 or 32 bits. */
const EDGES: readonly (readonly [name: string, at: Millis])[] = [
  ["24.8 days, 2^31 ms", 2 ** 31],
  ["49.7 days, 2^32 ms", 2 ** 32],
  ["6.8 years, 2^31 steps", 100 * 2 ** 31],
  ["13.6 years, 2^32 steps", 100 * 2 ** 32],
];

for (const [name, edge] of EDGES) {
  test(`Relay and server go on as before when they have run for ${name}`, PATIENT, () => {
    simulate({ loss: 0, relay: ROOMY, start: edge - SAMPLE / 2 }, (world) => {
      new Scenario(world, { clients: 60, duration: SAMPLE, meanStay: 15 * MINUTE }).run();
      assert.ok(world.seen.arrived > 500, `${world.seen.arrived} packets arrived`);
      assert.ok(world.clock.now > edge);
    });
  });
}

test("Relay's counters are exact up to 2^53, and its books balance there", PATIENT, () => {
  const counted = 2 ** 53 - 2 ** 20;
  simulate({ loss: 0.02, relay: ROOMY, counted }, (world) => {
    disturb(world, world.clock.now + SAMPLE);
    new Scenario(world, { clients: 60, duration: SAMPLE, meanStay: 15 * MINUTE }).run();
    assert.ok(world.count("bubbles_received") > 100);
  });
});

test("Relay's flows come back after its machine has slept, for however long", PATIENT, () => {
  simulate({ loss: 0, relay: ROOMY }, (world) => {
    let at = 5 * MINUTE;
    for (const duration of [SECOND, 29 * SECOND, 31 * SECOND, 6 * MINUTE, 3 * HOUR]) {
      world.clock.after(at, () => world.sleep(duration));
      at += duration + 10 * MINUTE;
    }
    new Scenario(world, { clients: 250, duration: at, meanStay: 20 * MINUTE }).run();
    assert.equal(world.seen.sleeps, 5);
    assert.ok(world.seen.arrived > 2_000, `${world.seen.arrived} packets arrived`);
  });
});

/** A machine that is suspended for a while each day, and restarted once a week. */
function disturbMachine(world: World, duration: Millis): void {
  const { clock, random } = world;
  for (let day = 1; day * DAY < duration; day++) {
    clock.after(day * DAY, () => world.sleep(random.exponential(HOUR)));
    if (day % 7 === 0) clock.after(day * DAY + 6 * HOUR, () => world.restartRelay());
  }
}

test(`Relay and server keep all that must always hold, for ${DAYS.toFixed(2)} days`, {
  timeout: 7_200_000,
}, () => {
  const duration = DAYS * DAY;
  simulate({ loss: 0, relay: ROOMY }, (world) => {
    disturbMachine(world, duration);
    const clients = Math.round(duration / (20 * MINUTE));
    new Scenario(world, { clients, duration, meanStay: 20 * MINUTE }).run();
    assert.ok(world.seen.arrived > clients, `${world.seen.arrived} packets arrived`);
    const { arrived, expected, restarts, sleeps, serverIn } = world.seen;
    const told = { days: duration / DAY, clients, expected, arrived, restarts, sleeps, serverIn };
    console.error(JSON.stringify(told));
  });
});
