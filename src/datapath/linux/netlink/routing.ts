import {
  AF_INET6,
  AF_UNSPEC,
  DEVCONF_DISABLE_IPV6,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_FLAGS,
  IFA_LOCAL,
  IFA_PROTO,
  IFADDRMSG_FAMILY_AT,
  IFADDRMSG_FLAGS_AT,
  IFADDRMSG_INDEX_AT,
  IFADDRMSG_PREFIXLEN_AT,
  IFF_TAP,
  IFINFOMSG_FLAGS_AT,
  IFINFOMSG_INDEX_AT,
  IFINFOMSG_TYPE_AT,
  IFLA_AF_SPEC,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INET6_CONF,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TUN_NUM_QUEUES,
  IFLA_TUN_TYPE,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_FLAGS_AT,
  RTMSG_PROTOCOL_AT,
  RTMSG_SCOPE_AT,
  RTMSG_TABLE_AT,
  RTMSG_TYPE_AT,
  RTN_UNICAST,
  RTNEXTHOP_IFINDEX_AT,
  RTPROT_BOOT,
  SIZEOF_IFADDRMSG,
  SIZEOF_IFINFOMSG,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import {
  formatIpv6Prefix,
  inPrefix,
  IPV6_LENGTH,
  type Ipv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import { type Netlink } from "./socket.ts";
import { attribute, message, readAttributes, readString, readU32, u32, viewOf } from "./message.ts";

/** Links, addresses and routes of this network namespace. Everything throws SyscallError. */

export interface Link {
  readonly index: number;
  /** Of its hardware: ARPHRD_ETHER and the like. */
  readonly type: number;
  readonly name: string;
  readonly mtu: number;
  /** IFF_UP and the like. */
  readonly flags: number;
  /** Packets. */
  readonly queueLength: number;
  /** `vlan`, `bridge`, `tun`; undefined for hardware, and for the loopback interface. */
  readonly kind: string | undefined;
  /** Of the kind `tun`: what takes Ethernet frames rather than packets. Kernels tell since 4.16. */
  readonly isTap: boolean;
  /** `none`: the kernel has taken IPv6 off it, as for an MTU below 1280. */
  readonly ipv6: "on" | "disabled" | "none";
  /** Whether the kernel makes a link-local address by itself. */
  readonly makesAddress: boolean;
  /** Index of the bridge, bond or VRF that it is part of; 0: none. */
  readonly master: number;
  /** Of a TUN, queues in use; undefined where the kernel does not tell. Linux 4.16 */
  readonly queues: number | undefined;
}

const NOTHING = new Uint8Array(0);

export function links(netlink: Netlink): Link[] {
  const body = message(SIZEOF_IFINFOMSG, []);
  return netlink.dump(RTM_GETLINK, body, "list links", linkIn);
}

/** Reads a message about a link. */
export function linkIn(payload: Uint8Array): Link {
  const found = readAttributes(payload, SIZEOF_IFINFOMSG);
  const info = readAttributes(found.get(IFLA_LINKINFO) ?? NOTHING, 0);
  const data = readAttributes(info.get(IFLA_INFO_DATA) ?? NOTHING, 0);
  return {
    index: viewOf(payload).getInt32(IFINFOMSG_INDEX_AT, true),
    type: viewOf(payload).getUint16(IFINFOMSG_TYPE_AT, true),
    name: readString(found.get(IFLA_IFNAME)) ?? "",
    mtu: readU32(found.get(IFLA_MTU)) ?? 0,
    flags: viewOf(payload).getUint32(IFINFOMSG_FLAGS_AT, true),
    queueLength: readU32(found.get(IFLA_TXQLEN)) ?? 0,
    kind: readString(info.get(IFLA_INFO_KIND)),
    isTap: data.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP,
    ...inet6In(readAttributes(found.get(IFLA_AF_SPEC) ?? NOTHING, 0).get(AF_INET6)),
    master: readU32(found.get(IFLA_MASTER)) ?? 0,
    queues: readU32(data.get(IFLA_TUN_NUM_QUEUES)),
  };
}

function inet6In(family: Uint8Array | undefined): Pick<Link, "ipv6" | "makesAddress"> {
  if (family === undefined) return { ipv6: "none", makesAddress: true };
  const found = readAttributes(family, 0);
  const disabled = readU32(found.get(IFLA_INET6_CONF), 4 * DEVCONF_DISABLE_IPV6) ?? 0;
  return {
    ipv6: disabled === 0 ? "on" : "disabled",
    makesAddress: found.get(IFLA_INET6_ADDR_GEN_MODE)?.[0] !== IN6_ADDR_GEN_MODE_NONE,
  };
}

export interface InterfaceAddress {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
  readonly index: number;
  /** IFA_F_TENTATIVE and the like. */
  readonly flags: number;
  /** Who gave it, in the numbers of routes; undefined: nobody said, or the kernel is older than 5.18. */
  readonly protocol: number | undefined;
  /** IPv4 broadcast address of its subnet, 4 bytes. */
  readonly broadcast: Uint8Array | undefined;
}

/** Addresses of both families on all interfaces. */
export function addresses(netlink: Netlink): InterfaceAddress[] {
  const body = message(SIZEOF_IFADDRMSG, [[IFADDRMSG_FAMILY_AT, 1, AF_UNSPEC]]);
  return netlink.dump(RTM_GETADDR, body, "list addresses", (payload) => {
    const found = readAttributes(payload, SIZEOF_IFADDRMSG);
    // On a point-to-point IPv4 interface IFA_ADDRESS is the other end's.
    const bytes = found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS);
    if (bytes === undefined) return undefined;
    return {
      family: payload[IFADDRMSG_FAMILY_AT]!,
      bytes: bytes.slice(),
      prefixLength: payload[IFADDRMSG_PREFIXLEN_AT]!,
      index: viewOf(payload).getUint32(IFADDRMSG_INDEX_AT, true),
      flags: readU32(found.get(IFA_FLAGS)) ?? payload[IFADDRMSG_FLAGS_AT]!,
      protocol: found.get(IFA_PROTO)?.[0],
      broadcast: found.get(IFA_BROADCAST)?.slice(),
    };
  });
}

export interface Ipv6Route {
  readonly prefix: Ipv6Prefix;
  /** Where it leads; 0 for one that only refuses. */
  readonly index: number;
  /** Of two routes for one prefix the kernel takes the lower. */
  readonly metric: number;
  /** RTN_UNICAST, RTN_UNREACHABLE and the like. */
  readonly type: number;
  /** RTPROT_RA and the like: who made it. */
  readonly protocol: number;
  readonly gateway: Uint8Array | undefined;
}

/**
 * Routes of the main table for exactly `prefix`; `::/0` gives the default routes.
 *
 * @param longest those of longer prefixes in it as well, of up to so many bits
 */
export function routesOf(
  netlink: Netlink,
  prefix: Ipv6Prefix,
  longest: number = prefix.length,
): Ipv6Route[] {
  const body = message(SIZEOF_RTMSG, [[RTMSG_FAMILY_AT, 1, AF_INET6]]);
  const about = `list routes of ${formatIpv6Prefix(prefix)}`;
  return netlink.dump(RTM_GETROUTE, body, about, (payload) => {
    // A router with a full table has 200,000 others: look at the length first.
    const length = payload[RTMSG_DST_LEN_AT]!;
    if (length < prefix.length || length > longest) return undefined;
    const found = readAttributes(payload, SIZEOF_RTMSG);
    const table = readU32(found.get(RTA_TABLE)) ?? payload[RTMSG_TABLE_AT];
    const cloned = viewOf(payload).getUint32(RTMSG_FLAGS_AT, true) & RTM_F_CLONED;
    if (table !== RT_TABLE_MAIN || cloned !== 0) return undefined;
    const bytes = found.get(RTA_DST)?.slice() ?? new Uint8Array(IPV6_LENGTH);
    if (!inPrefix(bytes, 0, prefix)) return undefined;
    return {
      prefix: { bytes, length },
      index: readU32(found.get(RTA_OIF)) ??
        readU32(found.get(RTA_MULTIPATH), RTNEXTHOP_IFINDEX_AT) ?? 0,
      metric: readU32(found.get(RTA_PRIORITY)) ?? 0,
      type: payload[RTMSG_TYPE_AT]!,
      protocol: payload[RTMSG_PROTOCOL_AT]!,
      gateway: found.get(RTA_GATEWAY)?.slice(),
    };
  });
}

/** A route straight to an interface. */
export interface OnLinkRoute {
  readonly prefix: Ipv6Prefix;
  readonly index: number;
  readonly metric: number;
  /** RTPROT_STATIC and the like; default: RTPROT_BOOT. */
  readonly protocol?: number | undefined;
  /** Number of the table; default: the main one. */
  readonly table?: number | undefined;
}

/** Adds a route. EEXIST if one of this metric is there already, whoever made it. */
export function addRoute(netlink: Netlink, route: OnLinkRoute): void {
  const about = `add route ${formatIpv6Prefix(route.prefix)}`;
  netlink.change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, routeBody(route), about);
}

/** ESRCH if it is not there. @param route without a metric: of any */
export function deleteRoute(
  netlink: Netlink,
  route: Omit<OnLinkRoute, "metric"> & Partial<OnLinkRoute>,
): void {
  const about = `delete route ${formatIpv6Prefix(route.prefix)}`;
  netlink.change(RTM_DELROUTE, 0, routeBody(route), about);
}

function routeBody(
  { prefix, index, metric, protocol = RTPROT_BOOT, table = RT_TABLE_MAIN }: Parameters<
    typeof deleteRoute
  >[1],
): Uint8Array {
  const isByte = table <= 0xff;
  return message(
    SIZEOF_RTMSG,
    [
      [RTMSG_FAMILY_AT, 1, AF_INET6],
      [RTMSG_DST_LEN_AT, 1, prefix.length],
      [RTMSG_TABLE_AT, 1, isByte ? table : RT_TABLE_UNSPEC],
      [RTMSG_PROTOCOL_AT, 1, protocol],
      [RTMSG_SCOPE_AT, 1, RT_SCOPE_UNIVERSE],
      [RTMSG_TYPE_AT, 1, RTN_UNICAST],
    ],
    attribute(RTA_DST, prefix.bytes),
    attribute(RTA_OIF, u32(index)),
    ...(isByte ? [] : [attribute(RTA_TABLE, u32(table))]),
    ...(metric === undefined ? [] : [attribute(RTA_PRIORITY, u32(metric))]),
  );
}
