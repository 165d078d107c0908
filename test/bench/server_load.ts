import type { BenchLab } from "./bench_lab.ts";
import type { LabName, Labs } from "./labs.ts";
import type { Offer } from "./packets.ts";
import type { Results, RowSpec } from "./results.ts";
import { MAX_PEERS } from "./volley.ts";

const WARM_SECONDS = 1;
const COUNT_SECONDS = 0.8;
/** Offered to two workers, which share the machine with the generator. */
const SHARED_RATE = 300_000;

/** Clients in turn, each far below the limit that a server has by default. */
const CLIENTS = MAX_PEERS;

/** (e) what the server answers and forwards when more is asked than it can. */
export async function measureServer(labs: Labs, results: Results): Promise<void> {
  for (const [kind, what] of LOADS) {
    for (const workers of [1, 2] as const) {
      const how = workers === 1 ? "one core" : "two threads";
      const spec: RowSpec = {
        part: "e",
        name: `${what}, ${how}`,
        unit: "1000/s",
        better: "more",
        targets: workers === 1 ? [{ than: "miredo", ratio: 2 }] : [],
      };
      for (const who of ["miredo", "teredo"] as const) {
        const name: LabName = workers === 1 ? who : `${who}-2`;
        await results.measure(spec, who, async () => {
          return await served(await labs.get(name), kind, {
            rate: workers === 1 ? 0 : SHARED_RATE,
          });
        });
      }
    }
  }
}

const LOADS = [
  ["solicit", "router solicitations answered"],
  ["bubble", "bubbles forwarded"],
] as const;

/** Thousands of router solicitations that a server answers a second, where a source gives way to it. */
export function solicitations(lab: BenchLab): Promise<number> {
  return served(lab, "solicit", { rate: 0, gives: true });
}

async function served(
  lab: BenchLab,
  kind: "solicit" | "bubble",
  offer: Offer,
): Promise<number> {
  const source = await lab.serverSource();
  const clients = await lab.clients();
  const seconds = WARM_SECONDS + COUNT_SECONDS + 0.1;
  const load = { do: "send", kind, size: 0, peers: CLIENTS, first: 0, burst: 1 } as const;
  const [, counted] = await Promise.all([
    source.do({ ...load, ...offer, seconds }),
    clients.do({ do: "count", after: WARM_SECONDS, seconds: COUNT_SECONDS }),
  ]);
  return counted.packets / counted.seconds / 1_000;
}
