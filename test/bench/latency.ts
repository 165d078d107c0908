import type { BenchLab } from "./bench_lab.ts";
import type { Labs } from "./labs.ts";
import { DIRECTIONS } from "./packets.ts";
import type { Results, RowSpec, Target } from "./results.ts";
import { PINGER } from "./station_contract.ts";

const SECONDS = 1.2;
/** A relay with the fast path has lent the pinging client to the kernel by then. */
const SETTLE_SECONDS = 0.3;
/** Packets a second each way, of other clients. */
const BACKGROUND_RATE = 25_000;
const BACKGROUND_PEERS = 64;
const QUANTILES = [0.5, 0.99, 0.999] as const;
const TARGETS: Record<(typeof QUANTILES)[number], readonly Target[]> = {
  0.5: targets(0.8),
  0.99: targets(0.9),
  0.999: [],
};

/** Greatest ratio that the fast path may have; without it ours must not be slower than Miredo. */
function targets(ratio: number): Target[] {
  return [{ than: "miredo", ratio: 1 }, { ours: "fast", than: "miredo", ratio }];
}

/** (d) round trips from a client through the relay to the host and back. */
export async function measureLatency(labs: Labs, results: Results): Promise<void> {
  for (const background of [0, BACKGROUND_RATE]) {
    const how = background === 0 ? "idle" : "under 50,000 packets/s";
    const specs: RowSpec[] = QUANTILES.map((quantile) => ({
      part: "d",
      name: `round trip, ${how}, p${quantile * 100}`,
      unit: "us",
      better: "less",
      wireLike: true,
      targets: TARGETS[quantile],
    }));
    for (const who of ["miredo", "teredo", "fast"] as const) {
      await results.measureAll(specs, who, async () => {
        return await roundTrips(await labs.get(who), background);
      });
    }
  }
}

/** Microseconds at each quantile. */
async function roundTrips(lab: BenchLab, background: number): Promise<number[]> {
  await lab.settle(BACKGROUND_PEERS);
  const pinger = await lab.pinger();
  const ping = (seconds: number) => pinger.do({ do: "ping", seconds });
  await lab.greet(1, PINGER);
  await ping(SETTLE_SECONDS);
  const loads = background === 0 ? [] : DIRECTIONS.map(async (kind) => {
    const source = await lab.source(kind === "up" ? "clients" : "host");
    const load = { do: "send", kind, size: 88, peers: BACKGROUND_PEERS, first: 0 } as const;
    return source.do({ ...load, burst: 1, rate: background, seconds: SECONDS + 0.4 });
  });
  if (background > 0) await new Promise((resolve) => setTimeout(resolve, 200));
  const { times, lost } = await ping(SECONDS);
  await Promise.all(loads);
  if (lost > 0.01 * times.length) throw new Error(`${lost} of ${lost + times.length} were lost`);
  const sorted = times.toSorted((a, b) => a - b);
  return QUANTILES.map((quantile) => sorted[Math.floor(quantile * sorted.length)]!);
}
