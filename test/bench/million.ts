import { metric } from "#test/netns/programs.ts";
import type { Labs } from "./labs.ts";
import { capacity, DIRECTIONS, type Spread } from "./packets.ts";
import type { Results, RowSpec } from "./results.ts";

/** As many as the table has room for by default; the clients of the rates are among them. */
const PEERS = 2 ** 20;
const NEW_PEERS_A_SECOND = 40_000;
const REPEATS = 3;
const MEBIBYTE = 1024 * 1024;
const SPREADS: readonly (readonly [Spread, name: string])[] = [
  [{ size: 88, peers: 1, burst: 16 }, "1 peer, bursts of 16"],
  [{ size: 88, peers: 64, burst: 1 }, "64 peers, scattered"],
];

/** (f) what the relay carries with a million peers, against another one with few; what they cost. */
export async function measureMillion(labs: Labs, results: Results): Promise<void> {
  const few = await labs.get("teredo");
  const full = await labs.get("teredo-full");
  // Code is compiled and buffers are touched by then: what comes on top are the peers.
  for (const direction of DIRECTIONS) await capacity(full, direction, SPREADS[0]![0]);
  const before = (await full.load.usage("rly")).memory;
  await results.measure(row("new peers taken up and trusted", "1000/s"), "teredo", async () => {
    return PEERS / await full.fill(PEERS, NEW_PEERS_A_SECOND) / 1_000;
  });
  const after = (await full.load.usage("rly")).memory;
  const peers = await metric(full.load.lab, "rly", 9545, "teredo_peers");
  await results.add(row("peers in the table", "1000"), "teredo", peers / 1_000);
  const memory = { ...row("relay, resident memory with them", "MiB"), better: "less" } as const;
  await results.add(memory, "teredo", after / MEBIBYTE);
  const each = { ...row("more memory than before, by peer", "bytes"), better: "less", most: 160 };
  await results.add(each as RowSpec, "teredo", (after - before) / peers);

  for (const direction of DIRECTIONS) {
    for (const [spread, name] of SPREADS) {
      const spec = {
        ...row(`rate to that with few peers, ${direction}, ${name}`, "x"),
        least: 0.9,
      };
      for (let i = 0; i < REPEATS; i++) {
        await results.measure(spec, "teredo", async () => {
          const fewRate = await capacity(few, direction, spread);
          return (await capacity(full, direction, spread)).value / fewRate.value;
        });
      }
    }
  }
}

function row(name: string, unit: string): RowSpec {
  return { part: "f", name, unit, better: "more", ...(unit === "x" ? { wireLike: true } : {}) };
}
