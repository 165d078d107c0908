import { table } from "../report.ts";
import type { Line, Panel } from "./chart.ts";
import { ENDS } from "./events.ts";
import { type Point, quantile, type Slope, slopeOf } from "./slope.ts";
import type { Leg, Soaked } from "./soak.ts";

/** A process has its code compiled, its buffers touched and its heaps' sizes found by then. */
const WARM_UP = 240;

export interface NamedSlope {
  readonly name: string;
  readonly unit: string;
  readonly slope: Slope | undefined;
}

const MEASURES = [
  // A page of each of a few heaps is no growth.
  ["resident", "resident memory", "MiB", 1],
  ["heap", "heap, all anonymous memory", "MiB", 1],
  ["descriptors", "descriptors", "", 1],
  ["threads", "threads", "", 1],
] as const;

/** How everything that should stay stays. */
export function slopesOf(soaked: Soaked): NamedSlope[] {
  const ofVitals = (["relay", "server"] as const).flatMap((role) =>
    MEASURES.map(([key, name, unit, step]) => {
      const points = soaked.vitals.filter((it) => it.role === role).map((it): Point => ({
        at: (it.at - soaked.startedAt) / 1_000,
        value: it[key],
        process: it.pid,
      })).filter(({ at }) => at >= soaked.warmUp);
      return { name: `${role}: ${name}`, unit, slope: slopeOf(points, WARM_UP, step) };
    })
  );
  const ofLatency = ([["median", 0.5], ["99th percentile", 0.99]] as const).map(([name, q]) => ({
    name: `round trip, ${name} of a second`,
    unit: "ms",
    // A leg in which nothing was done to the relay has none that waited for it.
    slope: slopeOf(
      latency(soaked, q).map(([at, value]) => ({ at, value, process: 1 })),
      soaked.warmUp,
      0.1,
    ),
  }));
  return [...ofVitals, ...ofLatency];
}

/** By second, of pings that came back. */
function latency({ legs }: Soaked, q: number): [at: number, milliseconds: number][] {
  return legs.flatMap(({ from, peers }) =>
    peers.flatMap(({ roundTrips }, second): [number, number][] =>
      roundTrips.length === 0 ? [] : [[from + second, quantile(roundTrips, q)]]
    )
  );
}

export function panelsOf(soaked: Soaked): Panel[] {
  const vital = (key: "resident" | "heap" | "descriptors" | "threads"): Line[] =>
    ([["relay", "first"], ["server", "second"]] as const).map(([role, kind]) => ({
      name: role,
      kind,
      points: soaked.vitals.filter((it) => it.role === role)
        .map((it) => [(it.at - soaked.startedAt) / 1_000, it[key]] as const),
    }));
  return [
    { title: "Resident memory, MiB", lines: vital("resident") },
    { title: "Heap, all anonymous memory, MiB", lines: vital("heap") },
    { title: "Descriptors", lines: vital("descriptors") },
    { title: "Threads", lines: vital("threads") },
    {
      title: "Round trip through the relay, ms",
      lines: [
        { name: "median", kind: "first", points: latency(soaked, 0.5) },
        { name: "99th percentile", kind: "second", points: latency(soaked, 0.99) },
      ],
    },
  ];
}

export function reportOf(
  soaked: Soaked,
  slopes: readonly NamedSlope[],
  seed: number,
  machine: string,
): string {
  const { legs, rate, saturation, seconds, warmUp } = soaked;
  return [
    `${machine} ${((seconds - warmUp) / 60).toFixed(1)} minutes after ${warmUp / 60} to warm up, ` +
    `seed ${seed}. Nothing is lost up to ` +
    `${number(saturation)} packets a second each way; sent are ${number(rate)}, and ` +
    `${number(legs.reduce((sum, { peers }) => sum + peers.at(-1)!.started, 0))} clients came.\n`,
    table(
      ["what should stay", "median", "grows in an hour", "by the line", "noise", "flat"],
      slopes.map(({ name, unit, slope }) => rowOf(name, unit, slope)),
    ),
    table(
      ["minute", "done to the relay", "down", "up", "clients in time", "books"],
      legs.map(legRow),
    ),
    ...legs.flatMap(({ problems }) => problems.map((it) => `- **${it}**\n`)),
  ].join("\n");
}

function rowOf(name: string, unit: string, slope: Slope | undefined): string[] {
  if (slope === undefined) return [name, "-", "-", "-", "-", "too short"];
  const say = (value: number) => `${value.toFixed(2)} ${unit}`.trim();
  const { median, perHour, drift, noise, isFlat } = slope;
  return [name, say(median), say(perHour), say(drift), say(noise), isFlat ? "yes" : "**no**"];
}

function legRow(leg: Leg): string[] {
  const { from, events, flows: { clients, host, ungreeted }, peers, problems, singly } = leg;
  const last = peers.at(-1)!;
  const share = (part: number, all: number) => `${(100 * part / all).toFixed(3)} %`;
  return [
    (from / 60).toFixed(1),
    events.map(([, name]) => name).join(", "),
    share(clients.received, clients.expected),
    share(host.received, host.expected),
    share(last.inTime, last.started),
    problems.length > 0
      ? "**no**"
      : ungreeted > 0 || events.some(([, it]) => ENDS.includes(it))
      ? "yes, anew"
      : singly
      ? "yes, to the datagram"
      : "yes",
  ];
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}
