import type { BenchLab } from "./bench_lab.ts";
import type { LabName, Labs } from "./labs.ts";
import { delivered, type Direction, DIRECTIONS, type Spread, textOfSpread } from "./packets.ts";
import type { Results, RowSpec, Target, Who } from "./results.ts";
import { solicitations } from "./server_load.ts";

const MAKERS = ["miredo", "teredo", "fast"] as const;
const ALL = [...MAKERS, "kernel"] as const;
const MOST_PEERS = 10_000;
const SPREADS: readonly Spread[] = [MOST_PEERS, 64].map((peers) => ({ size: 88, peers, burst: 1 }));

/** Least ratios of the fast path's rate, by direction. */
const TARGETS: Record<Direction, readonly Target[]> = {
  up: targets(1.6),
  down: targets(1.4),
};

function targets(ratio: number): Target[] {
  return [
    { ours: "fast", than: "miredo", ratio },
    { ours: "fast", than: "kernel", ratio: 0.85 },
  ];
}

/**
 * (h) what one core carries that has the generator, the relay and the sink to itself: whoever leaves
 * more of it to the generator gets more to carry, and no idle core beside hides what a packet costs.
 */
export async function measureOneCore(labs: Labs, results: Results): Promise<void> {
  const all = await Promise.all(ALL.map((who) => labs.get(who)));
  // Before they are placed: one that is started later is not.
  for (const lab of all) await lab.startStations();
  // Where each has a core, as a relay's short queues lose what is not paced; they know them from then on.
  for (const who of MAKERS) {
    const known = (await labs.get(who)).settle(MOST_PEERS);
    await known.catch(() => {}); // its rows try again, and say so
  }
  for (const lab of all) await lab.place("together");
  try {
    for (const spread of SPREADS) {
      for (const direction of DIRECTIONS) await measureRates(labs, results, spread, direction);
    }
    await measureServers(labs, results);
  } finally {
    for (const lab of all) await lab.place("apart");
  }
}

async function measureRates(
  labs: Labs,
  results: Results,
  spread: Spread,
  direction: Direction,
): Promise<void> {
  const spec = row(`${textOfSpread(spread)}, ${direction}`, TARGETS[direction], true);
  for (const who of ALL) {
    await results.measure(
      spec,
      who,
      async () => carried(await labs.get(who), who, spread, direction),
    );
  }
}

async function carried(
  lab: BenchLab,
  who: Who,
  spread: Spread,
  direction: Direction,
): Promise<number> {
  if (who !== "kernel") await lab.settle(spread.peers);
  const kind = who === "kernel" ? `plain-${direction}` as const : direction;
  return (await delivered(lab, kind, spread, { rate: 0, gives: true })).value;
}

async function measureServers(labs: Labs, results: Results): Promise<void> {
  const spec = row("router solicitations answered", [{ ours: "fast", than: "miredo", ratio: 2 }]);
  for (const who of MAKERS) {
    await results.measure(spec, who, async () => solicitations(await labs.get(who as LabName)));
  }
}

function row(name: string, targets: readonly Target[], wireLike?: true): RowSpec {
  return {
    part: "h",
    name: `all on one core: ${name}`,
    unit: "1000/s",
    better: "more",
    targets,
    ...(wireLike ? { wireLike } : {}),
  };
}
