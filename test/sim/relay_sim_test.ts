import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { disturb, HOUR, MINUTE, Scenario } from "./scenario.ts";
import { World } from "./world.ts";

/** The same seed gives the same run: `TEREDO_SIM_SEED=1234 bun test ./test/sim`. */
const SEED = Number(process.env["TEREDO_SIM_SEED"] ?? 20_061_123);

/** Bun's own limit for a test is shorter than a slow machine may need. */
const PATIENT = { timeout: 600_000 };

const ROOMY: Partial<RelayOptions> = {
  maxPeers: 65_536,
  holdPackets: 32,
  holdBytes: 32 * 1280,
  holdMemory: 4_096 * 1280,
  icmpRate: 1_000,
  icmpBurst: 1_000,
};

const CRAMPED: Partial<RelayOptions> = {
  maxPeers: 20,
  holdPackets: 2,
  holdMemory: 5 * 1280,
  challengeRate: 1,
  icmpRate: 1,
};

/** Runs a world; when it fails, says what the last packets were and how to have the same again. */
function simulate(loss: number, relay: Partial<RelayOptions>, run: (world: World) => void): void {
  const world = new World({ seed: SEED, loss, relay });
  try {
    run(world);
  } catch (error) {
    console.error(world.log.lines().join("\n"));
    console.error(`The seed was ${SEED}: TEREDO_SIM_SEED=${SEED} gives the same run.`);
    throw error;
  }
}

test(
  "Relay carries 3000 clients for 2 hours and loses no first packet (R-10, R-12, R-14, R-15, R-22, R-24)",
  PATIENT,
  () => {
    simulate(0, ROOMY, (world) => {
      new Scenario(world, { clients: 3_000, duration: 2 * HOUR, meanStay: 7 * MINUTE }).run();
      assert.ok(world.seen.arrived > 50_000, `${world.seen.arrived} packets arrived`);
      assert.ok(world.seen.unreachable > 500, `${world.seen.unreachable} ICMPv6 errors`);
      assert.ok(world.count("bubbles_sent_refresh") > 500);
      assert.equal(world.count("bubbles_sent_challenge"), 0);
      assert.equal(world.count("peers_evicted"), 0);
    });
  },
);

test(
  "Relay's flows come back within 5 s of a client's next packet after a restart (R-23)",
  PATIENT,
  () => {
    simulate(0, ROOMY, (world) => {
      for (let at = 10; at < 60; at += 10) {
        world.clock.after(at * MINUTE, () => world.restartRelay());
      }
      new Scenario(world, { clients: 400, duration: HOUR, meanStay: 20 * MINUTE }).run();
      assert.equal(world.seen.restarts, 5);
      assert.ok(world.count("bubbles_sent_challenge") > 20);
    });
  },
);

test(
  "Relay keeps its limits with loss, scans and forged packets (R-02, R-15, R-21, R-26)",
  PATIENT,
  () => {
    simulate(0.05, ROOMY, (world) => {
      disturb(world, world.clock.now + HOUR);
      new Scenario(world, { clients: 500, duration: HOUR, meanStay: 15 * MINUTE }).run();
      assert.ok(world.drops(Drop.SourceMismatch) > 100);
      assert.ok(world.drops(Drop.MappedAddressNotGlobal) > 10);
    });
  },
);

test("Relay keeps its limits when its tables are far too small (R-16, R-26)", PATIENT, () => {
  simulate(0.01, CRAMPED, (world) => {
    disturb(world, world.clock.now + HOUR);
    new Scenario(world, { clients: 300, duration: HOUR, meanStay: 15 * MINUTE }).run();
    assert.ok(world.count("peers_evicted") > 100);
    assert.ok(world.drops(Drop.HoldFull) > 0);
  });
});
