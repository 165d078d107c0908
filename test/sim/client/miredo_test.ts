import assert from "node:assert/strict";
import test from "node:test";
import { ALL_NAT_KINDS, type NatKind } from "../nat.ts";
import { PATIENT } from "../simulate.ts";
import { SEED, simulate } from "./simulate.ts";
import { ClientWorld } from "./world.ts";

const QUALIFIED = 8_000;
const TRIES = 5;
const EVERY = 3_500;
/** Behind which Miredo's client works at all. */
const MIREDO_KINDS = ["full cone", "restricted", "port restricted"] as const;
type MiredoKind = typeof MIREDO_KINDS[number];

const isIndependent = (kind: NatKind) => (MIREDO_KINDS as readonly NatKind[]).includes(kind);

/** Whether Miredo, which answers only where an address says, finds us: by its own proof, in bubbles. */
function findsUs(miredo: MiredoKind, ours: NatKind): boolean {
  if (isIndependent(ours)) return true;
  return miredo === "full cone" || (miredo === "restricted" && ours !== "address symmetric");
}

for (const theirs of MIREDO_KINDS) {
  for (const ours of ALL_NAT_KINDS) {
    const there = findsUs(theirs, ours);
    const back = isIndependent(ours);
    test(
      `Client behind ${ours} NAT and Miredo's behind ${theirs}: ${
        there ? "" : "not "
      }found by it, ` +
        `${back ? "" : "not "}the first to speak (C-21, C-24, C-45)`,
      PATIENT,
      () => {
        for (const first of ["theirs", "ours"] as const) {
          const world = new ClientWorld(SEED, 1);
          simulate(world, () => {
            const client = world.addClient(world.addNat(ours));
            const miredo = world.addMiredo(world.addNat(theirs));
            world.run(QUALIFIED);
            const [from, to] = first === "theirs" ? [miredo, client] : [client, miredo];
            const numbers: number[] = [];
            for (let i = 0; i < TRIES; i++) {
              numbers.push(from.request(to.teredo!));
              world.run(EVERY);
            }
            const isAnswered = numbers.some((it) => from.arrived.has(it));
            assert.equal(isAnswered, first === "theirs" ? there : back, `${first} speaks first`);
            if (first === "ours" || !there) return;
            // Who has been found can speak as well.
            const number = client.request(miredo.teredo!);
            world.until(EVERY, () => client.arrived.has(number), "no answer to the one found");
          });
        }
      },
    );
  }
}
