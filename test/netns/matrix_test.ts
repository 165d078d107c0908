import assert from "node:assert/strict";
import test from "node:test";
import { NATS, type Pair, type PairRun, runPair } from "./matrix.ts";

/** Every program of ours against every one of Miredo's, behind each kind of NAT. */
const PAIRS: readonly Pair[] = [
  { server: "teredo", relay: "teredo" },
  { server: "miredo", relay: "teredo" },
  { server: "teredo", relay: "miredo" },
  { server: "miredo", relay: "miredo" },
];

/** Labs at a time: more would starve each other on two cores. */
const SIDE_BY_SIDE = 2;

const runs: Promise<PairRun>[] = [];
PAIRS.forEach((pair, i) => {
  const before = runs[i - SIDE_BY_SIDE];
  const through = before?.then(({ judged }) => judged).catch(() => {}) ?? Promise.resolve();
  runs.push(through.then(() => runPair(pair)));
});

const OPTIONS = { timeout: 300_000 };

for (const [i, { server, relay }] of PAIRS.entries()) {
  const through = `${server} server, ${relay} relay`;

  for (const { nat, told, standing } of NATS) {
    test(
      `miredo client, ${nat} NAT, ${through}: ping and 1 MB of TCP both ways (${standing})`,
      OPTIONS,
      async () => {
        await (await runs[i]!).miredo.get(nat);
      },
    );

    test(
      `teredo probe, ${nat} NAT, ${through}: no ping repeated (${standing})`,
      OPTIONS,
      async () => {
        const outcome = await (await runs[i]!).probe.get(nat)!;
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
    const { complaints, emitted } = await (await runs[i]!).judged;
    assert.deepEqual(complaints, []);
    assert.ok(emitted > 100, `only ${emitted} packets seen`);
  });
}
