import assert from "node:assert/strict";
import test from "node:test";
import { ALL_NAT_KINDS } from "../nat.ts";
import { PATIENT } from "../simulate.ts";
import { isReached } from "./figure_1.ts";
import { SEED, simulate } from "./simulate.ts";
import type { SimClient } from "./client.ts";
import { ClientWorld } from "./world.ts";

const QUALIFIED = 8_000;
const FOUND = 14_000;
/** Before anybody asks a second time, 2 s after the first. */
const FIRST_TURN = 1_000;
/** Four turns 2 s apart, one of which may go on for a second: before what is held is too old. */
const TOLD = 9_000;

/** Whether a packet gets there and its answer back; else that its sender is told so in time. */
function talk(world: ClientWorld, a: SimClient, b: SimClient): boolean {
  const to = b.teredo!;
  const sentAt = world.clock.now;
  const numbers = [a.request(to)];
  const end = sentAt + FOUND;
  while (world.clock.now < end) {
    world.run(500);
    if (!numbers.some((it) => a.arrived.has(it))) continue;
    const took = world.clock.now - sentAt;
    assert.ok(took <= FIRST_TURN, `the first answer took ${took} ms`);
    return true;
  }
  assert.ok(a.errors.some(({ code }) => code === 3), "nothing came back, not even an error");
  const told = a.errors.find(({ code }) => code === 3)!.at - sentAt;
  assert.ok(told <= TOLD, `the error took ${told} ms`);
  return false;
}

for (const [row, source] of ALL_NAT_KINDS.entries()) {
  for (const [column, destination] of ALL_NAT_KINDS.entries()) {
    const works = isReached(source, destination);
    const verb = works ? "reaches" : "does not reach";
    test(
      `Client behind ${source} NAT ${verb} one behind ${destination}, as RFC 6081 Figure 1 has it ` +
        `(C-45, C-71, C-72, C-73, C-74, C-76, C-77)`,
      PATIENT,
      () => {
        const world = new ClientWorld(SEED + 7 * row + column);
        simulate(world, () => {
          const a = world.addClient(world.addNat(source), { servers: [world.servers[0]!] });
          const b = world.addClient(world.addNat(destination), { servers: [world.servers[0]!] });
          world.run(QUALIFIED);
          assert.ok(a.teredo !== undefined && b.teredo !== undefined, "not qualified");
          assert.equal(talk(world, a, b), works);
        });
      },
    );
  }
}

for (const [row, source] of ALL_NAT_KINDS.entries()) {
  test(
    `Client behind ${source} NAT tells who sends, in time, that nobody is reached while its server is silent ` +
      `(C-45, C-77)`,
    PATIENT,
    () => {
      const world = new ClientWorld(SEED + 7 * row);
      simulate(world, () => {
        const a = world.addClient(world.addNat(source), { servers: [world.servers[0]!] });
        const b = world.addClient(world.addNat("port restricted"), {
          servers: [world.servers[0]!],
        });
        world.run(QUALIFIED);
        world.servers[0]!.isUp = false;
        assert.equal(talk(world, a, b), false);
      });
    },
  );
}

const LOSS = 0.05;
/** Past the 300 s for which four lost bubbles forbid more. RFC 4380 §5.2.6 */
const PATIENCE = 660_000;
const EVERY = 5_000;

for (const [row, source] of ALL_NAT_KINDS.entries()) {
  test(
    `Client behind ${source} NAT reaches the same ones where one datagram of twenty is lost (C-46, C-74)`,
    PATIENT,
    () => {
      for (const [column, destination] of ALL_NAT_KINDS.entries()) {
        const world = new ClientWorld(SEED + 7 * row + column, 1, LOSS);
        simulate(world, () => {
          const a = world.addClient(world.addNat(source));
          const b = world.addClient(world.addNat(destination));
          world.until(4 * QUALIFIED, () => a.teredo !== undefined && b.teredo !== undefined, "on");
          world.run(QUALIFIED);
          const numbers: number[] = [];
          const end = world.clock.now + PATIENCE;
          const isAnswered = () => numbers.some((it) => a.arrived.has(it));
          while (world.clock.now < end && !isAnswered()) {
            numbers.push(a.request(b.teredo!));
            world.run(EVERY);
          }
          assert.equal(
            isAnswered(),
            isReached(source, destination),
            `to one behind ${destination}`,
          );
        });
      }
    },
  );
}
