import assert from "node:assert/strict";
import test from "node:test";
import { ALL_NAT_KINDS } from "../nat.ts";
import { PATIENT } from "../simulate.ts";
import { SEED, simulate } from "./simulate.ts";
import { ClientWorld } from "./world.ts";

const QUALIFIED = 8_000;
const FOUND = 14_000;

for (const kind of ALL_NAT_KINDS) {
  for (const hairpin of [false, true]) {
    const what = hairpin ? "with" : "without";
    test(
      `Clients behind one ${kind} NAT ${what} hairpinning reach each other (C-78)`,
      PATIENT,
      () => {
        const world = new ClientWorld(SEED, 1);
        simulate(world, () => {
          const nat = world.addNat(kind, hairpin);
          const [a, b] = [world.addClient(nat), world.addClient(nat, { servicePort: 3_798 })];
          world.run(QUALIFIED);
          for (const [from, to] of [[a, b], [b, a]] as const) {
            const number = from.request(to.teredo!);
            world.until(FOUND, () => from.arrived.has(number), "no answer");
          }
        });
      },
    );
  }
}

test("Clients on one link that discover each other need no server (C-26, C-42)", PATIENT, () => {
  const world = new ClientWorld(SEED, 1);
  simulate(world, () => {
    const nat = world.addNat("port restricted");
    const discovering = { localDiscovery: true };
    const a = world.addClient(nat, discovering);
    const b = world.addClient(nat, { ...discovering, servicePort: 3_798 });
    world.run(310_000);
    const before = a.count("bubbles_sent_indirect") + b.count("bubbles_sent_indirect");
    const number = a.request(b.teredo!);
    world.until(FOUND, () => a.arrived.has(number), "no answer");
    const after = a.count("bubbles_sent_indirect") + b.count("bubbles_sent_indirect");
    assert.equal(after, before);
  });
});
