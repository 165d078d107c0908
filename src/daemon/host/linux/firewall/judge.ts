import type { Filtered, Handled, SamplePacket, Traffic } from "../../traffic.ts";
import { mendOf, placeText } from "./mend.ts";
import type { Hook } from "./hook.ts";
import { type BaseChain, type Outcome, outcomeOf, type Place } from "./outcome.ts";
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

/**
 * What the base chains do to the traffic besides, as long as it flows: rules that keep state, tell, mark
 * or translate, and those not understood. A rule for new connections alone does nothing to a flow.
 */
export function handled(
  bases: readonly BaseChain[],
  traffic: Traffic,
  around: Surroundings,
): Handled[] {
  const found = new Map<string, Handled>();
  for (const packet of traffic.packets) {
    const flowing: SamplePacket = { ...packet, tracked: "established" };
    const first: SamplePacket = { ...packet, tracked: "new" };
    const see = ({ deeds }: Outcome) => {
      for (const { place, what } of deeds) {
        const by = placeText(place);
        found.set(`${by} ${what}`, { traffic, by, what });
      }
    };
    pass(bases.filter(({ isNat }) => !isNat), traffic, flowing, around, see);
    // What they make of the first packet holds for all.
    pass(bases.filter(({ isNat }) => isNat), traffic, first, around, see);
  }
  return [...found.values()];
}

/** The base chains with rules that the traffic comes by, whatever they do to it. */
export function asked(bases: readonly BaseChain[], traffic: Traffic): string[] {
  const ways = WAYS[traffic.path].flatMap((hook) =>
    traffic.packets.flatMap((packet) => called(bases, hook, traffic, { ...packet, tracked: "new" }))
  );
  const withRules = ways.filter(({ rules, drops }) => drops || rules.length > 0);
  return withRules.map(({ name, table }) => `chain ${name} of ${table.title}`);
}

function send(
  bases: readonly BaseChain[],
  traffic: Traffic,
  packet: SamplePacket,
  around: Surroundings,
  stops: Map<string, Stop>,
): void {
  pass(bases, traffic, packet, around, ({ accepts, stopped, doubt }) => {
    if (stopped !== undefined) add(stops, stopped, packet, !accepts, doubt);
  });
}

/** Has a packet pass from base chain to base chain. @param see is told what becomes of it in each */
function pass(
  bases: readonly BaseChain[],
  traffic: Traffic,
  packet: SamplePacket,
  around: Surroundings,
  see: (outcome: Outcome) => void,
): void {
  const passage = new Passage(packet, traffic, around);
  for (const hook of WAYS[traffic.path]) {
    const inName = WITHOUT_IN.includes(hook) ? "" : traffic.in ?? "";
    const outName = WITHOUT_OUT.includes(hook) ? "" : traffic.out ?? "";
    for (const base of called(bases, hook, traffic, packet)) {
      passage.enter(hook, base.priority, inName, outName);
      see(outcomeOf(base, passage));
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
