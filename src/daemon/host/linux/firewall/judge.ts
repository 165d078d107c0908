import type { Filtered, SamplePacket, Traffic } from "../../traffic.ts";
import { mendOf, placeText } from "./mend.ts";
import type { Hook } from "./hook.ts";
import { type BaseChain, outcomeOf, type Place } from "./outcome.ts";
import { Passage, type Surroundings } from "./passage.ts";

const WAYS: Readonly<Record<Traffic["path"], readonly Hook[]>> = {
  input: ["ingress", "prerouting", "input"],
  forward: ["ingress", "prerouting", "forward", "postrouting", "egress"],
  output: ["output", "postrouting", "egress"],
};
const WITHOUT_IN: readonly Hook[] = ["output", "egress"];
const WITHOUT_OUT: readonly Hook[] = ["ingress", "prerouting", "input"];

interface Stop {
  readonly place: Place;
  readonly certain: SamplePacket[];
  readonly open: SamplePacket[];
  doubt: string | undefined;
}

/** What the base chains do to traffic: each of them that stops some of it, with the rule that does. */
export function judge(
  bases: readonly BaseChain[],
  traffic: Traffic,
  around: Surroundings,
): Filtered[] {
  const stops = new Map<string, Stop>();
  for (const packet of traffic.packets) send(bases, traffic, packet, around, stops);
  return [...stops.values()].map(({ place, certain, open, doubt }) => ({
    traffic,
    packets: certain.length > 0 ? certain : open,
    certain: certain.length > 0,
    doubt: certain.length > 0 ? undefined : doubt,
    by: placeText(place),
    mend: mendOf(place, traffic.accept),
  }));
}

function send(
  bases: readonly BaseChain[],
  traffic: Traffic,
  packet: SamplePacket,
  around: Surroundings,
  stops: Map<string, Stop>,
): void {
  const passage = new Passage(packet, traffic, around);
  for (const hook of WAYS[traffic.path]) {
    const inName = WITHOUT_IN.includes(hook) ? "" : traffic.in ?? "";
    const outName = WITHOUT_OUT.includes(hook) ? "" : traffic.out ?? "";
    for (const base of called(bases, hook, traffic, packet)) {
      passage.enter(hook, base.priority, inName, outName);
      const { accepts, stopped, doubt } = outcomeOf(base, passage);
      if (stopped !== undefined) add(stops, stopped, packet, !accepts, doubt);
    }
  }
}

/** The base chains that see the packet at a hook, in their order. */
function called(
  bases: readonly BaseChain[],
  hook: Hook,
  traffic: Traffic,
  packet: SamplePacket,
): BaseChain[] {
  const device = hook === "ingress" ? traffic.in : hook === "egress" ? traffic.out : undefined;
  return bases.filter((base) =>
    base.hook === hook && base.versions.includes(traffic.version) &&
    // Only the first packet of a connection sees them.
    (!base.isNat || packet.tracked === "new") &&
    (base.devices.length === 0 || (device !== undefined && base.devices.includes(device)))
  ).sort((a, b) => a.priority - b.priority);
}

function add(
  stops: Map<string, Stop>,
  place: Place,
  packet: SamplePacket,
  certain: boolean,
  doubt: string | undefined,
): void {
  const { base, chain, index } = place;
  const key = `${base.table.title} ${base.name} ${chain.name} ${index}`;
  const stop = stops.get(key) ?? { place, certain: [], open: [], doubt };
  stops.set(key, stop);
  (certain ? stop.certain : stop.open).push(packet);
}
