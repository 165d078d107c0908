import {
  RTN_BLACKHOLE,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_RA,
} from "#ffi/linux/mod.ts";
import { formatIpv6Prefix, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { linkAt } from "./netlink/look_up.ts";
import { type Ipv6Route, routesOf } from "./netlink/routing.ts";
import { type Netlink } from "./netlink/socket.ts";
import { protocolName } from "./protocols.ts";
import { tunHolder } from "./tun/problems.ts";

/** A route of the prefix, as an operator sees it. */
export interface Owner {
  readonly prefix: Ipv6Prefix;
  /** Of the interface; 0 or the loopback's for a route that refuses. */
  readonly index: number;
  /** Undefined for a route that leads nowhere, such as `unreachable`. */
  readonly interfaceName: string | undefined;
  /** Packets are refused or thrown away rather than sent: the word of ip-route(8) for it. */
  readonly rejects: string | undefined;
  readonly metric: number;
  /** Who made it, as ip-route(8) calls them: `bird`, `static`. */
  readonly protocol: string;
  /** A router advertisement made it, whoever heeded that: the kernel or a network manager. */
  readonly fromAdvertisement: boolean;
}

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [RTN_BLACKHOLE, "blackhole"],
  [RTN_UNREACHABLE, "unreachable"],
  [RTN_PROHIBIT, "prohibit"],
  [RTN_THROW, "throw"],
]);

/**
 * Who has exactly `prefix` in the main routing table, the lowest metric, which wins, first.
 *
 * @param longest as for {@link routesOf}
 */
export function ownersOf(netlink: Netlink, prefix: Ipv6Prefix, longest?: number): Owner[] {
  return routesOf(netlink, prefix, longest)
    .sort((a, b) => a.metric - b.metric)
    .map((route) => ownerOf(netlink, route));
}

function ownerOf(netlink: Netlink, route: Ipv6Route): Owner {
  const { prefix, index, type, metric, protocol } = route;
  const rejects = type === RTN_UNICAST ? undefined : REFUSALS.get(type) ?? `of type ${type}`;
  return {
    prefix,
    index,
    // The kernel shows loopback as the device of routes that refuse.
    interfaceName: rejects === undefined ? linkAt(netlink, index)?.name : undefined,
    rejects,
    metric,
    protocol: protocolName(protocol),
    fromAdvertisement: protocol === RTPROT_RA,
  };
}

/** `routed to gif0 (proto bird, metric 5)`, `refused by a route (unreachable, ...)` */
export function describeOwner({ interfaceName, rejects, protocol, metric }: Owner): string {
  const made = `proto ${protocol}, metric ${metric}`;
  return rejects === undefined
    ? `routed to ${interfaceName ?? "a nexthop object"} (${made})`
    : `refused by a route (${rejects}, ${made})`;
}

/**
 * A route that wins over ours. Whose it is only its maker knows, so that no command deletes it: unless it
 * leads into an interface that a program has, which then is another Teredo relay or client.
 */
export function rivalProblem(prefix: Ipv6Prefix, rival: Owner, metric: number) {
  const text = formatIpv6Prefix(prefix);
  const { interfaceName } = rival;
  const holder = interfaceName === undefined ? undefined : tunHolder(interfaceName);
  const by = holder === undefined ? "" : `, an interface of process ${holder.pid} (${holder.name})`;
  return {
    problem: `${text} is already ${describeOwner(rival)}${by}, which wins over a route of metric ` +
      `${metric}`,
    mend: holder === undefined
      ? "stop what made it, perhaps another Teredo relay or client, or let it have a higher metric; " +
        `\`ip -6 route show exact ${text}\` shows it`
      : `stop that process, \`ps -p ${holder.pid}\` shows what it is: of relays and clients one has ` +
        `${text} on a host, or in a network namespace`,
  };
}
