import assert from "node:assert/strict";
import process from "node:process";
import test from "node:test";
import { Crowd, disturb, HOUR, MINUTE, SECOND } from "./crowd.ts";
import { PATIENT } from "../simulate.ts";
import { SEED, simulate } from "./simulate.ts";
import type { SimClient } from "./client.ts";
import { ClientWorld } from "./world.ts";

/** Hours of virtual time, of the first two: `TEREDO_SIM_HOURS=24 bun test ./test/sim/client`. */
const HOURS = Number(process.env["TEREDO_SIM_HOURS"] ?? 0.5);

test(
  `${
    4_000 * HOURS
  } clients reach hosts and each other for ${HOURS} h, and ask in time and not too much (C-46, C-50)`,
  PATIENT,
  () => {
    const world = new ClientWorld(SEED, 4);
    simulate(world, () => {
      const crowd = new Crowd(world, {
        clients: 4_000 * HOURS,
        duration: HOURS * HOUR,
        meanStay: 100 * SECOND,
      });
      crowd.run();
      const { asked, answered, peers, peersAnswered } = crowd.seen;
      assert.ok(answered > 7_000 * HOURS && answered >= 0.98 * asked, `${answered} of ${asked}`);
      assert.ok(peersAnswered > 1_000 * HOURS, `${peersAnswered} of ${peers} peers answered`);
    });
  },
);

test(
  `${
    1_000 * HOURS
  } clients keep their limits with loss, forged packets and noise for ${HOURS} h (C-46, C-74)`,
  PATIENT,
  () => {
    const world = new ClientWorld(SEED, 4, 0.05);
    simulate(world, () => {
      disturb(world, world.clock.now + HOURS * HOUR);
      const crowd = new Crowd(world, {
        clients: 1_000 * HOURS,
        duration: HOURS * HOUR,
        meanStay: 3 * MINUTE,
      });
      crowd.run();
      const { asked, answered } = crowd.seen;
      // A question and its answer cross what loses them four times; nobody sends them again.
      assert.ok(answered > 0.75 * asked, `${answered} of ${asked}`);
    });
  },
);

test(
  "clients whose server dies go to another, and their flows go on by the old address (C-50)",
  PATIENT,
  () => {
    const world = new ClientWorld(SEED, 3);
    simulate(world, () => {
      const clients: SimClient[] = [];
      for (let i = 0; i < 60; i++) {
        const kind = (["full cone", "restricted", "port restricted"] as const)[i % 3]!;
        clients.push(world.addClient(world.addNat(kind)));
      }
      world.run(20 * SECOND);
      const before = new Map(clients.map((it) => [it, it.teredo!]));
      const flow = (client: SimClient, host: Uint8Array, rounds: number) => {
        const numbers: number[] = [];
        for (let i = 0; i < rounds; i++) {
          world.clock.after(i * 2 * SECOND, () => {
            numbers.push(client.request(host, before.get(client)!));
          });
        }
        return numbers;
      };
      const host = world.hosts[0]!;
      const flows = clients.map((client) => [client, flow(client, host, 60)] as const);
      world.run(10 * SECOND);
      const dead = world.servers.find((it) =>
        it.primary === clients[0]!.core.status().server!.primary
      )!;
      const concerned = clients.filter((it) => it.core.status().server!.primary === dead.primary);
      assert.ok(concerned.length > 10);
      dead.isUp = false;
      world.run(36 * SECOND);
      for (const client of concerned) {
        const { server, state, deprecated } = client.core.status();
        assert.equal(state, "qualified");
        assert.notEqual(server!.primary, dead.primary);
        assert.deepEqual(deprecated, [before.get(client)!]);
      }
      world.run(100 * SECOND);
      for (const [client, numbers] of flows) {
        const lost = numbers.filter((it) => !client.arrived.has(it));
        assert.deepEqual(lost, [], "nobody noticed");
      }
    });
  },
);

test(
  "a client behind a NAT that forgets after 20 s soon asks often enough to keep its address (C-52)",
  PATIENT,
  () => {
    const world = new ClientWorld(SEED, 1);
    simulate(world, () => {
      const client = world.addClient(world.addNat("port restricted", false, 20 * SECOND));
      world.run(10 * MINUTE);
      const before = client.count("client_address_changes");
      assert.ok(before >= 1 && before <= 5, `${before} changes in the first 10 minutes`);
      world.run(HOUR);
      const changes = client.count("client_address_changes") - before;
      assert.ok(changes <= 2, `${changes} changes in the hour after`);
    });
  },
);
