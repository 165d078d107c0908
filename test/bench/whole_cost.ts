import { metric } from "#test/netns/programs.ts";
import type { BenchLab } from "./bench_lab.ts";
import type { IdleMeter } from "./idle_meter.ts";
import type { Labs } from "./labs.ts";
import { type Direction, DIRECTIONS, type Spread } from "./packets.ts";
import type { Results, RowSpec, Target } from "./results.ts";
import type { Kind } from "./station_contract.ts";

const WHO = ["miredo", "teredo", "fast", "kernel"] as const;
const SPREAD: Spread = { size: 88, peers: 64, burst: 1 };
/** Packets a second, of which every maker carries all. */
const RATE = 50_000;
const WARM_SECONDS = 0.2;
const SECONDS = 0.8;
/** Of what was offered, the rest is lost on a busy machine. */
const LEAST_CARRIED = 0.98;
/** The relay looks once a second at what the kernel has carried. */
const FOLDED_MS = 1_200;

const TARGETS: Record<Direction, readonly Target[]> = {
  up: [{ ours: "fast", than: "miredo", ratio: 0.45 }],
  down: [{ ours: "fast", than: "miredo", ratio: 0.5 }],
};

/** What the relay counts on its way, by direction: all packets, whichever way they took. */
const COUNTERS: Record<Direction, string> = {
  up: "teredo_ipv6_sent_packets_total",
  down: "teredo_ipv6_received_packets_total",
};

/**
 * (h) processor time of the whole machine for each packet, less the generator's own; and how many of
 * them the kernel carried past the relay.
 */
export async function measureWholeCost(labs: Labs, results: Results): Promise<void> {
  const meter = await labs.meter();
  const relay = await labs.get("fast");
  const before = await readCounters(relay);
  for (const direction of DIRECTIONS) await measureOne(labs, results, meter, direction);
  await new Promise((resolve) => setTimeout(resolve, FOLDED_MS));
  const after = await readCounters(relay);
  for (const direction of DIRECTIONS) {
    const [one, other] = [before[direction], after[direction]];
    const share = (other.fast - one.fast) / (other.all - one.all);
    const spec: RowSpec = {
      part: "h",
      name: `of these, carried in the kernel, ${direction}`,
      unit: "%",
      better: "more",
      wireLike: true,
      least: 95,
    };
    await results.add(spec, "fast", 100 * share);
  }
}

async function measureOne(
  labs: Labs,
  results: Results,
  meter: IdleMeter,
  direction: Direction,
): Promise<void> {
  const own: RowSpec = {
    part: "h",
    name: `all processor time for a packet, ${direction}: the generator alone`,
    unit: "us",
    better: "less",
  };
  let generator = NaN;
  await results.measure(own, "kernel", async () => generator = await alone(labs, meter, direction));
  const spec: RowSpec = {
    ...own,
    name: `all processor time for a packet, ${direction}, less the generator's`,
    wireLike: true,
    targets: TARGETS[direction],
  };
  for (const who of WHO) {
    await results.measure(spec, who, async () => {
      const lab = await labs.get(who);
      if (who !== "kernel") await lab.settle(SPREAD.peers);
      const kind = who === "kernel" ? `plain-${direction}` as const : direction;
      const { sent, arrived, used } = await load(lab, meter, direction, kind);
      if (arrived < LEAST_CARRIED * sent) throw new Error(`carried ${arrived} of ${sent} a second`);
      return used / arrived * 1e6 - generator;
    });
  }
}

/** The same load, thrown away as it reaches the relay's machine. */
async function alone(labs: Labs, meter: IdleMeter, direction: Direction): Promise<number> {
  const lab = await labs.get("kernel");
  await lab.deafen(true);
  try {
    const { sent, used } = await load(lab, meter, direction, direction);
    return used / sent * 1e6;
  } finally {
    await lab.deafen(false);
  }
}

interface Loaded {
  /** Packets a second. */
  readonly sent: number;
  readonly arrived: number;
  /** Cores. */
  readonly used: number;
}

async function load(
  lab: BenchLab,
  meter: IdleMeter,
  direction: Direction,
  kind: Kind,
): Promise<Loaded> {
  const source = await lab.source(direction === "up" ? "clients" : "host");
  const sink = await (direction === "up" ? lab.host() : lab.clients());
  const free = await meter.free();
  const seconds = WARM_SECONDS + SECONDS + 0.1;
  const [sent, arrived, used] = await Promise.all([
    source.do({ do: "send", kind, ...SPREAD, first: 0, rate: RATE, seconds }),
    sink.do({ do: "count", after: WARM_SECONDS, seconds: SECONDS }),
    later(WARM_SECONDS, () => meter.used(free, SECONDS)),
  ]);
  return {
    sent: sent.packets / sent.seconds,
    arrived: arrived.packets / arrived.seconds,
    used,
  };
}

async function later<T>(seconds: number, then: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
  return await then();
}

type Carried = Record<Direction, { readonly fast: number; readonly all: number }>;

async function readCounters({ load: { lab } }: BenchLab): Promise<Carried> {
  const read = (line: string) => metric(lab, "rly", 9545, line);
  const [up, down] = await Promise.all(DIRECTIONS.map(async (direction) => ({
    fast: await read(`teredo_fast_path_packets_total{direction="${direction}"}`),
    all: await read(COUNTERS[direction]),
  })));
  return { up: up!, down: down! };
}
