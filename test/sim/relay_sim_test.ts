import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { disturb, HOUR, MINUTE, Scenario } from "./scenario.ts";
import { PATIENT, ROOMY, simulate } from "./simulate.ts";

const CRAMPED: Partial<RelayOptions> = {
  maxPeers: 20,
  holdPackets: 2,
  holdMemory: 5 * 1280,
  challengeRate: 1,
  icmpRate: 1,
};

test(
  "Relay carries 3000 clients for 2 hours and loses no first packet (R-10, R-12, R-14, R-15, R-22, R-24)",
  PATIENT,
  () => {
    simulate({ loss: 0, relay: ROOMY }, (world) => {
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
    simulate({ loss: 0, relay: ROOMY }, (world) => {
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
    simulate({ loss: 0.05, relay: ROOMY }, (world) => {
      disturb(world, world.clock.now + HOUR);
      new Scenario(world, { clients: 500, duration: HOUR, meanStay: 15 * MINUTE }).run();
      assert.ok(world.drops(Drop.SourceMismatch) > 100);
      assert.ok(world.drops(Drop.MappedAddressNotGlobal) > 10);
    });
  },
);

test("Relay keeps its limits when its tables are far too small (R-16, R-26)", PATIENT, () => {
  simulate({ loss: 0.01, relay: CRAMPED }, (world) => {
    disturb(world, world.clock.now + HOUR);
    new Scenario(world, { clients: 300, duration: HOUR, meanStay: 15 * MINUTE }).run();
    assert.ok(world.count("peers_evicted") > 100);
    assert.ok(world.drops(Drop.HoldFull) > 0);
  });
});
