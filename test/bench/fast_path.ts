import type { Labs } from "./labs.ts";
import { measureOneCore } from "./one_core.ts";
import { BOTH_WAYS_RATES, delivered, DIRECTIONS, type Spread } from "./packets.ts";
import { OURS, type Results, type RowSpec } from "./results.ts";
import { measureWholeCost } from "./whole_cost.ts";

const MAKERS = ["miredo", "teredo", "fast"] as const;
const IDLE_SECONDS = 3;
const STEERED: Spread = { size: 88, peers: 64, burst: 1 };

/** (h) what the fast path is for: small packets, scattered over many peers. */
export async function measureFastPath(labs: Labs, results: Results): Promise<void> {
  for (const [name, measure] of STEPS) {
    await results.attempt("h", name, () => measure(labs, results));
  }
}

const STEPS = [
  ["idle relays", measureIdle],
  ["all on one core", measureOneCore],
  ["all processor time for a packet", measureWholeCost],
  ["both ways at once", measureSteered],
] as const;

/** Relays that know their clients and hear nothing of them, all in the same seconds. */
async function measureIdle(labs: Labs, results: Results): Promise<void> {
  const spec: RowSpec = {
    part: "h",
    name: "a relay with nothing to do",
    unit: "% of a core",
    better: "less",
    most: 0.2,
  };
  const all = await Promise.all(OURS.map((who) => labs.get(who)));
  const read = () => Promise.all(all.map((lab) => lab.cpu("rly")));
  const [before, start] = [await read(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 1_000 * IDLE_SECONDS));
  const [after, end] = [await read(), performance.now()];
  for (const [i, who] of OURS.entries()) {
    await results.add(spec, who, (after[i]! - before[i]!) / 1e6 / (end - start) * 100);
  }
}

/** The relay's core does all of the kernel's receiving as well, the generator's does nothing else. */
async function measureSteered(labs: Labs, results: Results): Promise<void> {
  const spec: RowSpec = {
    part: "h",
    name: "both ways at once, receiving steered to the relay's core",
    unit: "1000/s",
    better: "more",
    wireLike: true,
    targets: [{ ours: "fast", than: "miredo", ratio: 1.3 }],
  };
  for (const who of MAKERS) {
    await results.measure(spec, who, async () => {
      const lab = await labs.get(who);
      await lab.settle(STEERED.peers);
      await lab.steer(true);
      try {
        const [up, down] = await Promise.all(
          DIRECTIONS.map((direction) =>
            delivered(lab, direction, STEERED, { rate: BOTH_WAYS_RATES[STEERED.burst] })
          ),
        );
        return {
          value: up!.value + down!.value,
          limited: up!.limited || down!.limited,
        };
      } finally {
        await lab.steer(false);
      }
    });
  }
}
