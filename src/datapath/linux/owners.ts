import { RTN_UNICAST, RTPROT_RA } from "#ffi/linux/mod.ts";
import { formatIpv6Prefix, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { type Netlink } from "./netlink/socket.ts";
import { type Ipv6Route, links, routesOf } from "./netlink/routing.ts";

/** A route of the prefix, as an operator sees it. */
export interface Owner {
  /** Of the interface; 0 or the loopback's for a route that refuses. */
  readonly index: number;
  /** Undefined for a route that leads nowhere, such as `unreachable`. */
  readonly interfaceName: string | undefined;
  /** Packets are refused or thrown away rather than sent. */
  readonly rejects: boolean;
  readonly metric: number;
  /** A router advertisement made it, whoever heeded that: the kernel or a network manager. */
  readonly fromAdvertisement: boolean;
  /** The command that takes the route away. */
  readonly mend: string;
}

/** Who has exactly `prefix` in the main routing table, the lowest metric, which wins, first. */
export function ownersOf(netlink: Netlink, prefix: Ipv6Prefix): Owner[] {
  const names = new Map(links(netlink).map((link) => [link.index, link.name]));
  return routesOf(netlink, prefix)
    .sort((a, b) => a.metric - b.metric)
    .map((route) => ownerOf(route, names.get(route.index)));
}

function ownerOf(route: Ipv6Route, linkName: string | undefined): Owner {
  // The kernel shows loopback as the device of routes that refuse.
  const rejects = route.type !== RTN_UNICAST;
  const interfaceName = rejects ? undefined : linkName;
  const device = interfaceName === undefined ? "" : `dev ${interfaceName} `;
  return {
    index: route.index,
    interfaceName,
    rejects,
    metric: route.metric,
    fromAdvertisement: route.protocol === RTPROT_RA,
    mend: `ip -6 route delete ${formatIpv6Prefix(route.prefix)} ${device}metric ${route.metric}`,
  };
}
