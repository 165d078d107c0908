import assert from "node:assert/strict";
import test from "node:test";
import { inLanes } from "./lanes.ts";
import { NATS, type Pair, type PairRun, runPair } from "./matrix.ts";
import { isAsked } from "./programs.ts";

/** Every program of ours against every one of Miredo's, behind each kind of NAT. */
const ALL_PAIRS: readonly Pair[] = [
  { server: "teredo", relay: "teredo" },
  { server: "miredo", relay: "teredo" },
  { server: "teredo", relay: "miredo" },
  { server: "miredo", relay: "miredo" },
];
const PAIRS = ALL_PAIRS.filter(isAsked);

const started = PAIRS.map(() => Promise.withResolvers<PairRun>());
const judgements = inLanes(PAIRS.map((pair, i) => async () => {
  const run = runPair(pair);
  started[i]!.resolve(run);
  return await run.judged;
}));

const OPTIONS = { timeout: 600_000 };

for (const [i, { server, relay }] of PAIRS.entries()) {
  const through = `${server} server, ${relay} relay`;

  for (const { nat, told, standing } of NATS) {
    test(
      `miredo client, ${nat} NAT, ${through}: ping and 1 MB of TCP both ways (${standing})`,
      OPTIONS,
      async () => {
        await (await started[i]!.promise).miredo.get(nat);
      },
    );

    test(
      `teredo probe, ${nat} NAT, ${through}: no ping repeated (${standing})`,
      OPTIONS,
      async () => {
        const outcome = await (await started[i]!.promise).probe.get(nat)!;
        assert.equal(outcome.failure, undefined);
        assert.equal(outcome.nat, told);
        assert.deepEqual(outcome.pings.map((it) => [it.attempts, it.via]), [
          [1, "server"],
          [1, "relay"],
          [1, "relay"],
          [1, "relay"],
        ]);
      },
    );
  }

  test(`tshark has no complaint about what teredo sent: ${through}`, OPTIONS, async () => {
    const { complaints, emitted } = await judgements[i]!;
    assert.deepEqual(complaints, []);
    assert.ok(emitted > 100, `only ${emitted} packets seen`);
  });
}
