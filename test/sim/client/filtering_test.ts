import assert from "node:assert/strict";
import test from "node:test";
import type { Filtering, NatKind as NatWord } from "#src/protocol/client/contract.ts";
import { ALL_NAT_KINDS, type NatKind } from "../nat.ts";
import { PATIENT } from "../simulate.ts";
import { SEED, simulate } from "./simulate.ts";
import { ClientWorld } from "./world.ts";

/** Two time-outs of 4 s, in front of which is the qualification. */
const KNOWN = 12_000;

const WORDS: Record<NatKind | "no", { nat: NatWord; filtering: Filtering }> = {
  "no": { nat: "none", filtering: "endpoint_independent" },
  "full cone": { nat: "cone", filtering: "endpoint_independent" },
  "restricted": { nat: "restricted", filtering: "dependent" },
  "port restricted": { nat: "restricted", filtering: "dependent" },
  "port preserving": { nat: "symmetric-port", filtering: "dependent" },
  "sequential": { nat: "symmetric-port", filtering: "dependent" },
  "symmetric": { nat: "symmetric-port", filtering: "dependent" },
  "address symmetric": { nat: "symmetric-address", filtering: "dependent" },
};

for (const [i, kind] of (["no", ...ALL_NAT_KINDS] as const).entries()) {
  const { nat, filtering } = WORDS[kind];
  test(
    `Client behind ${kind} NAT says ${nat}, ${filtering}, and leaves no port open (C-15)`,
    PATIENT,
    () => {
      const world = new ClientWorld(SEED + i);
      simulate(world, () => {
        const client = world.addClient(kind === "no" ? undefined : world.addNat(kind));
        world.run(KNOWN);
        const status = client.core.status();
        assert.deepEqual({ nat: status.nat, filtering: status.filtering }, { nat, filtering });
        assert.deepEqual([...client.ports.keys()], [0]);
      });
    },
  );
}
