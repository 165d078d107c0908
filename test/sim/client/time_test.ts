import assert from "node:assert/strict";
import test from "node:test";
import type { Millis } from "#src/protocol/time.ts";
import type { NatKind } from "../nat.ts";
import { PATIENT } from "../simulate.ts";
import type { SimClient } from "./client.ts";
import { Crowd, HOUR, MINUTE, SECOND } from "./crowd.ts";
import { SEED, simulate } from "./simulate.ts";
import { ClientWorld } from "./world.ts";

/** Where milliseconds, and the timers' steps of 100 of them, no longer fit into 31 or 32 bits. */
const EDGES: readonly (readonly [name: string, at: Millis])[] = [
  ["24.8 days, 2^31 ms", 2 ** 31],
  ["49.7 days, 2^32 ms", 2 ** 32],
  ["6.8 years, 2^31 steps", 100 * 2 ** 31],
  ["13.6 years, 2^32 steps", 100 * 2 ** 32],
];

/** Whose clock is at `now` when nothing has happened yet. */
function worldAt(now: Millis): ClientWorld {
  const world = new ClientWorld(SEED, 2);
  world.clock.now = now;
  return world;
}

for (const [name, edge] of EDGES) {
  test(
    `clients reach hosts and each other as before when they have run for ${name} (C-46, C-50)`,
    PATIENT,
    () => {
      const world = worldAt(edge - 10 * MINUTE);
      simulate(world, () => {
        const crowd = new Crowd(world, { clients: 80, duration: 20 * MINUTE, meanStay: HOUR });
        crowd.run();
        assert.ok(world.clock.now > edge);
        const { asked, answered, peers, peersAnswered } = crowd.seen;
        assert.ok(answered > 500 && answered >= 0.98 * asked, `${answered} of ${asked}`);
        assert.ok(peersAnswered > 100, `${peersAnswered} of ${peers} peers answered`);
      });
    },
  );
}

const QUALIFIED = 8 * SECOND;
/** Of a daemon that has woken up: a look at the clock, and a server's answer. */
const AWAKE = 4 * SECOND;
const ANSWERED = 4 * SECOND;
/** After this long a client that is left alone has forgotten everybody. */
const QUIET = 17 * MINUTE;
const KINDS: readonly NatKind[] = ["full cone", "restricted", "port restricted", "symmetric"];

function assertAnswered(client: SimClient, to: Uint8Array, what: string): void {
  const number = client.request(to);
  client.world.run(ANSWERED);
  assert.ok(client.arrived.has(number), what);
}

for (const kind of KINDS) {
  test(
    `a client behind ${kind} NAT is back within ${AWAKE / SECOND} s of a suspension, however long`,
    PATIENT,
    () => {
      // Its own clock passes the edge later than everybody else's.
      const world = worldAt(2 ** 32 - 2 * HOUR);
      simulate(world, () => {
        const client = world.addClient(world.addNat(kind));
        const peer = world.addClient(world.addNat("full cone"));
        const host = world.hosts[0]!;
        world.run(QUALIFIED);
        assertAnswered(client, host, "a host, before");
        for (const duration of [SECOND, 29 * SECOND, 31 * SECOND, 6 * MINUTE, 3 * HOUR, 9 * HOUR]) {
          const what = `after ${duration / SECOND} s`;
          client.sleep(duration);
          world.run(duration + AWAKE);
          assert.equal(client.core.status().state, "qualified", what);
          assertAnswered(client, host, `a host, ${what}`);
          assertAnswered(client, peer.teredo!, `a peer, ${what}`);
          assertAnswered(peer, client.teredo!, `it, ${what}`);
          // It goes on as one that never slept.
          world.run(10 * MINUTE);
          client.watch.checkMaintenance(world.clock.now);
          assertAnswered(client, host, `a host, 10 minutes later, ${what}`);
        }
        world.run(QUIET);
        const { peers, heldPackets, randomPorts } = client.core.gauges;
        assert.deepEqual([peers, heldPackets, randomPorts], [0, 0, 0]);
      });
    },
  );
}
