import type { Endpoint } from "#src/probe/contract.ts";
import type { LifetimeSeen, Observations, ServerSeen, View } from "./contract.ts";
import { type PeerNat, reachOf } from "./figure.ts";
import { judgeNested } from "./nested.ts";
import { judgePorts, type Ports } from "./ports.ts";
import type {
  FilteringWord,
  HairpinWord,
  LifetimeVerdict,
  MappingWord,
  NatWord,
  PoolingWord,
  UdpWord,
  Verdict,
} from "./verdict.ts";

/** What the observations come to. Pure, and total: whatever was not seen is `unknown`. */
export function judge(seen: Observations): Verdict {
  const views = viewsOf(seen);
  const mapped = views[0]?.mapped;
  const isMapped = mapped !== undefined && !isOwn(seen, views);
  const mapping = judgeMapping(seen, views, isMapped);
  const pooling = judgePooling(views, mapping);
  const filtering = judgeFiltering(seen);
  const ports = judgePorts(seen.fresh);
  const nat = judgeNat(mapping, pooling, filtering, ports);
  const candidates = CANDIDATES[nat];
  return {
    reachable: isReachable(seen.servers),
    udp: judgeUdp(seen),
    mapped,
    mapping,
    compared: views.length,
    pooling,
    filtering,
    ...ports,
    hairpin: judgeHairpin(seen, mapping),
    lifetime: judgeLifetime(seen.lifetime),
    nested: judgeNested(seen.local?.address, seen.hops, isMapped),
    nat,
    reaches: candidates.length === 0 ? undefined : reachOf(candidates),
  };
}

/** What all addresses of servers saw of the one socket. */
function viewsOf({ servers }: Observations): View[] {
  return servers.flatMap(({ primaryView, secondaryView }) => [primaryView, secondaryView])
    .filter((view) => view !== undefined);
}

function isReachable(servers: readonly ServerSeen[]): boolean {
  return servers.some(({ home, native }) =>
    home !== undefined && (native === undefined || native.answer !== undefined)
  );
}

function judgeUdp({ local, servers, stun, strays }: Observations): UdpWord {
  if (servers.length === 0) return "unknown";
  if (local === undefined) return "no_route";
  const addresses = servers.flatMap(({ primary, secondary }) => [primary, secondary]);
  const isHeard = servers.some(({ primaryView, secondaryView, failure }) =>
    primaryView !== undefined || secondaryView !== undefined ||
    (failure !== undefined && failure !== "server-silent")
  );
  if (isHeard || strays.some(({ from }) => addresses.includes(from.address))) return "passes";
  const refusals = servers.map(({ refusal }) => refusal);
  // Not on the way: a STUN server that answers, by another port, says nothing against it.
  if (refusals.every((it) => it === "filtered_here")) return "filtered_here";
  if (stun?.first !== undefined) return "not_to_3544";
  if (refusals.includes("refused")) return "refused";
  const isCutOff = refusals.length > 0 && refusals.every((it) => it === "unreachable");
  return isCutOff ? "no_route" : "blocked";
}

/** Whether there is no NAT: every view is that of the socket itself. */
function isOwn({ local, ownAddresses }: Observations, views: readonly View[]): boolean {
  return views.every(({ mapped }) =>
    mapped.port === local?.port && ownAddresses.includes(mapped.address)
  );
}

/**
 * RFC 4787 §4.1. What Teredo's own port shows counts first; a STUN server adds whether another port of
 * one address makes a difference, which no Teredo server can show.
 */
function judgeMapping(
  { stun }: Observations,
  views: readonly View[],
  isMapped: boolean,
): MappingWord {
  if (views.length === 0) return "unknown";
  if (!isMapped) return "none";
  const isAlike = views.every(({ mapped }) => isSame(mapped, views[0]!.mapped));
  const further = stun === undefined ? "unknown" : mappingByStun(stun);
  if (views.length >= 2 && isAlike) return "endpoint_independent";
  if (views.length < 2) return further;
  return further === "address_dependent" || further === "address_and_port_dependent"
    ? further
    : "dependent";
}

/** RFC 5780 §4.3 */
function mappingByStun(
  { first, otherAddress, otherBoth }: NonNullable<Observations["stun"]>,
): MappingWord {
  if (first === undefined || otherAddress === undefined) return "unknown";
  if (isSame(first.mapped, otherAddress.mapped)) return "endpoint_independent";
  if (otherBoth === undefined) return "dependent";
  return isSame(otherAddress.mapped, otherBoth.mapped)
    ? "address_dependent"
    : "address_and_port_dependent";
}

function judgePooling(views: readonly View[], mapping: MappingWord): PoolingWord {
  if (views.length < 2 || mapping === "none") return "unknown";
  const isPaired = views.every(({ mapped }) => mapped.address === views[0]!.mapped.address);
  return isPaired ? "paired" : "arbitrary";
}

/**
 * RFC 4787 §5. That something came in counts for more than that something else did not; and silence
 * says nothing unless whoever was silent answers when it is asked itself.
 */
function judgeFiltering({ servers, stun }: Observations): FilteringWord {
  const { changedBothCameIn: both, changedPortCameIn: port } = stun ?? {};
  if (both === true || servers.some((it) => it.strangerCameIn)) return "endpoint_independent";
  if (port === false) return "address_and_port_dependent";
  const isKeptOut = both === false ||
    servers.some(({ secondaryView }) => secondaryView !== undefined);
  if (!isKeptOut) return "unknown";
  return port === true ? "address_dependent" : "dependent";
}

function judgeHairpin({ hairpin }: Observations, mapping: MappingWord): HairpinWord {
  if (mapping === "none") return "not_needed";
  if (hairpin === undefined) return "unknown";
  const { cameBack, from, sender } = hairpin;
  if (!cameBack || from === undefined) return "no";
  return from.address === sender.address ? "external" : "internal";
}

/** One that was lost on the way says "gone" too early: a later one that came in proves it wrong. */
function judgeLifetime(seen: LifetimeSeen | undefined): LifetimeVerdict | undefined {
  if (seen === undefined || !seen.controlled) return undefined;
  const alive = seen.tries.filter((it) => it.alive).map(({ idle }) => idle);
  const atLeast = Math.max(0, ...alive);
  const gone = seen.tries.filter((it) => !it.alive && it.idle > atLeast).map(({ idle }) => idle);
  return { atLeast, below: gone.length === 0 ? undefined : Math.min(...gone) };
}

function judgeNat(
  mapping: MappingWord,
  pooling: PoolingWord,
  filtering: FilteringWord,
  { assignment }: Ports,
): NatWord {
  switch (mapping) {
    case "unknown":
      return "unknown";
    case "none":
      if (filtering === "endpoint_independent") return "none";
      return filtering === "unknown" ? "none_or_firewall" : "firewall";
    case "endpoint_independent":
      return RESTRICTED[filtering];
    default:
      if (pooling === "arbitrary") return "address_symmetric";
      return SYMMETRIC[assignment];
  }
}

const RESTRICTED = {
  endpoint_independent: "cone",
  address_dependent: "address_restricted",
  address_and_port_dependent: "port_restricted",
  dependent: "restricted",
  unknown: "cone_or_restricted",
} as const satisfies Record<FilteringWord, NatWord>;

const SYMMETRIC = {
  preserved: "port_preserving_symmetric",
  sequential: "sequential_symmetric",
  random: "port_symmetric",
  unknown: "port_symmetric",
} as const satisfies Record<Ports["assignment"], NatWord>;

/**
 * The rows of RFC 6081 Figure 1 that may be meant. It has none for hosts without NAT: they are reached
 * as behind a cone, and behind a firewall as behind a NAT that restricts.
 */
const CANDIDATES: Readonly<Record<NatWord, readonly PeerNat[]>> = {
  none: ["cone"],
  firewall: ["address_restricted", "port_restricted"],
  none_or_firewall: ["cone", "address_restricted", "port_restricted"],
  cone: ["cone"],
  address_restricted: ["address_restricted"],
  port_restricted: ["port_restricted"],
  restricted: ["address_restricted", "port_restricted"],
  cone_or_restricted: ["cone", "address_restricted", "port_restricted"],
  port_preserving_symmetric: ["port_preserving_symmetric"],
  sequential_symmetric: ["sequential_symmetric"],
  port_symmetric: ["port_symmetric"],
  address_symmetric: ["address_symmetric"],
  unknown: [],
};

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}
