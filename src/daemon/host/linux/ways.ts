import {
  EACCES,
  EHOSTUNREACH,
  EINVAL,
  ENETUNREACH,
  RTN_LOCAL,
  RTN_UNICAST,
} from "#ffi/linux/mod.ts";
import { errnoName } from "#ffi/layout.ts";
import { LINUX } from "#ffi/linux/layout.ts";
import { decidingRoute, linkAt, linkNamed, wayOf } from "#src/datapath/linux/netlink/look_up.ts";
import { addresses } from "#src/datapath/linux/netlink/routing.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { protocolName } from "#src/datapath/linux/protocols.ts";
import { IPV6_LENGTH, isGlobalScope } from "#src/protocol/wire/ipv6.ts";
import type { Deciding, Journey, Way } from "../contract.ts";

const LOOPBACK_INDEX = 1;

/** Own addresses that are tried in turn. */
const MOST_SOURCES = 8;

/** See `Host.way4` and `Host.way6`. */
export function linuxWay(netlink: Netlink, journey: Journey): Way {
  const way = oneWay(netlink, journey);
  const isOwn = journey.source === undefined && journey.comesBy === undefined;
  if (way.kind !== "refused" || !isOwn || journey.destination.length === 4) return way;
  // Routes for one source alone are no matter of the first look-up: the kernel chooses a source of its
  // own and looks again. ip6_dst_lookup_tail()
  return ownSources(netlink)
    .map((source) => oneWay(netlink, { ...journey, source }))
    .find(({ kind }) => kind === "sent") ?? way;
}

function ownSources(netlink: Netlink): Uint8Array[] {
  const global = addresses(netlink).map(({ bytes }) => bytes)
    .filter((bytes) => bytes.length === IPV6_LENGTH && isGlobalScope(bytes, 0));
  return global.slice(0, MOST_SOURCES);
}

function oneWay(netlink: Netlink, journey: Journey): Way {
  const found = wayOf(netlink, asked(netlink, journey));
  if (typeof found === "number") {
    return { kind: "refused", why: refusalOf(found), isSaid: found !== ENETUNREACH };
  }
  if (found.type === RTN_LOCAL) return { kind: "taken" };
  if (found.type !== RTN_UNICAST) {
    return { kind: "refused", why: "it is no address of one host", isSaid: true };
  }
  const { source, gateway, mtu, index } = found;
  return { kind: "sent", interfaceName: linkAt(netlink, index)?.name ?? "", source, gateway, mtu };
}

/** See `Host.decidingRoute`. */
export function linuxDecidingRoute(netlink: Netlink, journey: Journey): Deciding | undefined {
  const found = decidingRoute(netlink, asked(netlink, journey));
  if (typeof found === "number") return undefined;
  const { length, protocol, metric, table } = found;
  const made = `proto ${protocolName(protocol)}, metric ${metric}`;
  return { length, description: `${made}, table ${tableName(table)}` };
}

/**
 * Before there is the interface that packets will come by, the loopback interface stands for it: they
 * are looked up as packets to be forwarded are, only without rules for that interface.
 */
function asked(netlink: Netlink, { destination, source, comesBy }: Journey) {
  if (comesBy === undefined) return { destination, source };
  const index = linkNamed(netlink, comesBy)?.index ?? LOOPBACK_INDEX;
  return { destination, source, comesBy: index };
}

/**
 * What ip-route(8) and ip-rule(8) call the types that the kernel answers with these. A rule that says
 * `unreachable` looks like no route.
 */
function refusalOf(errno: number): string {
  switch (errno) {
    case ENETUNREACH:
      return "no route leads there";
    case EHOSTUNREACH:
      return "a route says unreachable";
    case EACCES:
      return "a route or rule says prohibit";
    case EINVAL:
      return "a route or rule says blackhole";
    default:
      return errnoName(LINUX, errno);
  }
}

function tableName(table: number): string {
  const names = new Map([[253, "default"], [254, "main"], [255, "local"]]);
  return names.get(table) ?? String(table);
}
