import type { BenchLab } from "./bench_lab.ts";
import type { Labs } from "./labs.ts";
import { type Measured, NO_WORSE, type Results, type RowSpec } from "./results.ts";
import type { Kind, SendCommand } from "./station_contract.ts";

/** How a load is spread: peers, bytes of the IPv6 packet, packets in a row for one peer. */
export interface Spread {
  readonly size: number;
  readonly peers: number;
  readonly burst: 1 | 16;
}

export type Direction = "up" | "down";
export const DIRECTIONS: readonly Direction[] = ["up", "down"];
const MAKERS = ["miredo", "teredo"] as const;
const WITH_FAST_PATH = [...MAKERS, "fast"] as const;

/** A flat-out load's queues are full by then. */
const WARM_SECONDS = 0.15;
const COUNT_SECONDS = 0.4;
/** Less of a surplus than this in what is offered, and the generator was the limit. */
const LEAST_SURPLUS = 1.05;
/** Offered each way when both ways are loaded at once, which takes of the daemons' own two cores. */
export const BOTH_WAYS_RATES: Record<Spread["burst"], number> = { 16: 300_000, 1: 150_000 };
/** Rate at which processor time is compared. */
const COMPARED_RATE = 50_000;
const COMPARED_SECONDS = 0.6;

/** How much is offered, as the source is told. */
export type Offer = Pick<SendCommand, "rate" | "gives">;
const FLAT_OUT: Offer = { rate: 0 };

/** Thousands of packets a second that arrive. */
export async function delivered(
  lab: BenchLab,
  kind: Kind,
  spread: Spread,
  offer: Offer,
): Promise<Measured> {
  const isUp = kind === "up" || kind === "plain-up";
  const source = await lab.source(isUp ? "clients" : "host");
  const sink = await (isUp ? lab.host() : lab.clients());
  const seconds = WARM_SECONDS + COUNT_SECONDS + 0.1;
  const [sent, counted] = await Promise.all([
    source.do({ do: "send", kind, ...spread, first: 0, ...offer, seconds }),
    sink.do({ do: "count", after: WARM_SECONDS, seconds: COUNT_SECONDS }),
  ]);
  const [offered, arrived] = [sent, counted].map(({ packets, seconds }) => packets / seconds);
  return { value: arrived! / 1_000, limited: offered! < LEAST_SURPLUS * arrived! };
}

/** What a relay carries of more than it can. */
export async function capacity(
  lab: BenchLab,
  direction: Direction,
  spread: Spread,
): Promise<Measured> {
  await lab.greet(spread.peers);
  return delivered(lab, direction, spread, FLAT_OUT);
}

const SPREADS: readonly Spread[] = [
  ...[88, 1280].flatMap((size) =>
    [1, 64, 10_000].map((peers) => ({ size, peers, burst: 16 as const }))
  ),
  ...[64, 10_000].map((peers) => ({ size: 88, peers, burst: 1 as const })),
];

export function textOfSpread({ size, peers, burst }: Spread): string {
  const how = peers === 1 ? "" : burst === 1 ? ", scattered" : ", bursts of 16";
  return `${size} bytes, ${peers.toLocaleString("en")} peer${peers === 1 ? "" : "s"}${how}`;
}

/** (b) packets a second, and the same packets forwarded without a tunnel. */
export async function measurePackets(labs: Labs, results: Results): Promise<void> {
  for (const spread of SPREADS) {
    for (const direction of DIRECTIONS) {
      const name = `${textOfSpread(spread)}, ${direction}`;
      const spec = packetRow(name, isTarget(spread), hasFastPath(spread));
      for (const who of hasFastPath(spread) ? WITH_FAST_PATH : MAKERS) {
        await results.measure(spec, who, async () => {
          const lab = await labs.get(who);
          if (hasFastPath(spread)) await lab.settle(spread.peers);
          return capacity(lab, direction, spread);
        });
      }
      if (isTarget(spread)) {
        // Nobody waits for a core here: whatever the generator offers is forwarded, as it is offered.
        const plain = async () => {
          const { value } = await delivered(
            await labs.get("kernel"),
            `plain-${direction}`,
            spread,
            FLAT_OUT,
          );
          return value;
        };
        await results.measure(spec, "kernel", plain);
      }
    }
  }
  for (const burst of [16, 1] as const) {
    const spread = { size: 88, peers: 64, burst };
    const spec = packetRow(`${textOfSpread(spread)}, both ways, 2 threads`, true, false);
    for (const who of MAKERS) {
      const measure = async () => bothWays(await labs.get(`${who}-2`), spread);
      await results.measure(spec, who, measure);
    }
  }
}

function isTarget({ size, peers }: Spread): boolean {
  return size === 88 && peers === 64;
}

/** Bursts are to be no worse by it; what it is for is compared in (h). */
function hasFastPath(spread: Spread): boolean {
  return isTarget(spread) && spread.burst > 1;
}

function packetRow(name: string, isTarget: boolean, hasFastPath: boolean): RowSpec {
  return {
    part: "b",
    name,
    unit: "1000/s",
    better: "more",
    wireLike: true,
    targets: [
      ...(isTarget ? [{ than: "miredo", ratio: 1.3 } as const] : []),
      ...(hasFastPath ? [NO_WORSE] : []),
    ],
  };
}

async function bothWays(lab: BenchLab, spread: Spread): Promise<Measured> {
  await lab.greet(spread.peers);
  const rate = BOTH_WAYS_RATES[spread.burst];
  const [up, down] = await Promise.all([
    delivered(lab, "up", spread, { rate }),
    delivered(lab, "down", spread, { rate }),
  ]);
  return { value: up.value + down.value, limited: up.limited || down.limited };
}

/** (c) the relay's processor time for each packet, at a rate that both carry. */
export async function measureCosts(labs: Labs, results: Results): Promise<void> {
  for (const burst of [16, 1] as const) {
    const spread: Spread = { size: 88, peers: 64, burst };
    for (const direction of DIRECTIONS) {
      const spec: RowSpec = {
        part: "c",
        name: `a packet, ${direction}, ${burst === 1 ? "scattered" : "bursts of 16"}`,
        unit: "us",
        better: "less",
        wireLike: true,
        targets: [{ than: "miredo", ratio: 0.8 }],
      };
      for (const who of MAKERS) {
        await results.measure(spec, who, async () => cost(await labs.get(who), direction, spread));
      }
    }
  }
}

/** Microseconds of processor that the relay takes for a packet. */
export async function cost(lab: BenchLab, direction: Direction, spread: Spread): Promise<number> {
  await lab.greet(spread.peers);
  const source = await lab.source(direction === "up" ? "clients" : "host");
  const sink = await (direction === "up" ? lab.host() : lab.clients());
  const before = await lab.cpu("rly");
  const load = {
    do: "send",
    kind: direction,
    ...spread,
    first: 0,
    rate: COMPARED_RATE,
    seconds: COMPARED_SECONDS,
  } as const;
  const [arrived, sent] = await Promise.all([
    sink.do({ do: "count", after: 0, seconds: COMPARED_SECONDS + 0.15 }),
    source.do(load),
  ]);
  const used = await lab.cpu("rly") - before;
  if (arrived.packets < 0.98 * sent.packets) {
    throw new Error(`carried ${arrived.packets} of ${sent.packets}`);
  }
  return used / 1_000 / arrived.packets;
}

/** What the generator can do at most: the relay's machine throws all of it away as it arrives. */
export async function measureGenerator(labs: Labs, results: Results): Promise<void> {
  const lab = await labs.get("kernel");
  await lab.deafen(true);
  for (const burst of [16, 1] as const) {
    for (const direction of DIRECTIONS) {
      const spread: Spread = { size: 88, peers: 64, burst };
      const spec: RowSpec = {
        part: "b",
        name: `the generator alone, ${textOfSpread(spread)}, ${direction}`,
        unit: "1000/s",
        better: "more",
      };
      await results.measure(spec, "kernel", async () => {
        const source = await lab.source(direction === "up" ? "clients" : "host");
        const load = { do: "send", kind: direction, ...spread, first: 0, rate: 0 } as const;
        const { packets, seconds } = await source.do({ ...load, seconds: 0.4 });
        return packets / seconds / 1_000;
      });
    }
  }
  await lab.deafen(false);
}
