import { SyscallError, unless } from "#ffi/errors.ts";
import {
  AF_INET,
  AF_INET6,
  EADDRNOTAVAIL,
  EINVAL,
  ENODEV,
  IFA_ADDRESS,
  IFA_FLAGS,
  IFADDRMSG_FAMILY_AT,
  IFADDRMSG_FLAGS_AT,
  IFADDRMSG_INDEX_AT,
  IFADDRMSG_PREFIXLEN_AT,
  IFINFOMSG_INDEX_AT,
  IFLA_IFNAME,
  RTA_DST,
  RTA_GATEWAY,
  RTA_IIF,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTA_VIA,
  RTAX_MTU,
  RTM_F_FIB_MATCH,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_FLAGS_AT,
  RTMSG_PROTOCOL_AT,
  RTMSG_SRC_LEN_AT,
  RTMSG_TABLE_AT,
  RTMSG_TYPE_AT,
  SIZEOF_IFADDRMSG,
  SIZEOF_IFINFOMSG,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { attribute, cString, message, readAttributes, readU32, u32, viewOf } from "./message.ts";
import { type Link, linkIn } from "./routing.ts";
import type { Netlink } from "./socket.ts";

/**
 * Questions to the kernel about one thing. Their cost does not grow with what else there is, and no
 * change elsewhere disturbs them. Everything throws SyscallError but for the absence of the thing.
 */

/** By its name, or by one of its alternative names: then the link's own name is another. */
export function linkNamed(netlink: Netlink, name: string): Link | undefined {
  const body = message(SIZEOF_IFINFOMSG, [], attribute(IFLA_IFNAME, cString(name)));
  return oneLink(netlink, body, name);
}

export function linkAt(netlink: Netlink, index: number): Link | undefined {
  if (index <= 0) return undefined;
  const body = message(SIZEOF_IFINFOMSG, [[IFINFOMSG_INDEX_AT, 4, index]]);
  return oneLink(netlink, body, `interface ${index}`);
}

function oneLink(netlink: Netlink, body: Uint8Array, about: string): Link | undefined {
  return unless([ENODEV], () => netlink.ask(RTM_GETLINK, body, `look for ${about}`, linkIn));
}

/** Whether the interface has the IPv6 address. */
export function hasAddress(netlink: Netlink, index: number, address: Uint8Array): boolean {
  return addressOn(netlink, index, address) !== undefined;
}

/** An IPv6 address as an interface has it. */
export interface AddressHad {
  readonly prefixLength: number;
  /** IFA_F_DEPRECATED and the like. */
  readonly flags: number;
}

export function addressOn(
  netlink: Netlink,
  index: number,
  address: Uint8Array,
): AddressHad | undefined {
  const body = message(
    SIZEOF_IFADDRMSG,
    [[IFADDRMSG_FAMILY_AT, 1, AF_INET6], [IFADDRMSG_INDEX_AT, 4, index]],
    attribute(IFA_ADDRESS, address),
  );
  // Without the address the kernel looks at whether there is the interface.
  const found = unless(
    [EADDRNOTAVAIL, ENODEV],
    () =>
      netlink.ask(
        RTM_GETADDR,
        body,
        `look for ${formatIpv6(address)}`,
        (payload) => ({
          index: viewOf(payload).getUint32(IFADDRMSG_INDEX_AT, true),
          prefixLength: payload[IFADDRMSG_PREFIXLEN_AT]!,
          flags: readU32(readAttributes(payload, SIZEOF_IFADDRMSG).get(IFA_FLAGS)) ??
            payload[IFADDRMSG_FLAGS_AT]!,
        }),
      ),
  );
  return found?.index === index ? found : undefined;
}

/** A packet whose way is asked for. Addresses of 4 or of 16 bytes. */
export interface Journey {
  readonly destination: Uint8Array;
  readonly source?: Uint8Array | undefined;
  /** Index of the interface that it comes in by, to be forwarded; undefined: this host sends it. */
  readonly comesBy?: number | undefined;
}

/** What becomes of the packet. */
export interface Way {
  /** RTN_UNICAST: it is sent; RTN_LOCAL: this host takes it; RTN_BROADCAST and the like. */
  readonly type: number;
  /** Of the interface that it leaves by. */
  readonly index: number;
  /** The source that the kernel chooses for what this host sends; undefined: the given one, or none. */
  readonly source: Uint8Array | undefined;
  readonly gateway: Uint8Array | undefined;
  /** The gateway is known by an address of the other family. */
  readonly isVia: boolean;
  /** Bytes, where the route has its own. */
  readonly mtu: number | undefined;
}

/** What the kernel would do with a packet; its errno where it refuses the packet. */
export function wayOf(netlink: Netlink, journey: Journey): Way | number {
  return errnoOr(() =>
    netlink.ask(RTM_GETROUTE, questionOf(journey, 0), aboutOf(journey), (payload) => {
      const found = readAttributes(payload, SIZEOF_RTMSG);
      const metrics = found.get(RTA_METRICS);
      return {
        type: payload[RTMSG_TYPE_AT]!,
        index: readU32(found.get(RTA_OIF)) ?? 0,
        source: found.get(RTA_PREFSRC)?.slice(),
        gateway: found.get(RTA_GATEWAY)?.slice(),
        isVia: found.has(RTA_VIA),
        mtu: metrics && readU32(readAttributes(metrics, 0).get(RTAX_MTU)),
      };
    })
  );
}

/** The entry of a routing table that decides about a packet. */
export interface Deciding {
  readonly table: number;
  /** Bits of the prefix. */
  readonly length: number;
  readonly metric: number;
  readonly protocol: number;
  readonly index: number;
}

/** The route by which the kernel decides, which kernels tell since 4.15; its errno where none decides. */
export function decidingRoute(netlink: Netlink, journey: Journey): Deciding | number {
  return errnoOr(() =>
    netlink.ask(RTM_GETROUTE, questionOf(journey, RTM_F_FIB_MATCH), aboutOf(journey), (payload) => {
      const found = readAttributes(payload, SIZEOF_RTMSG);
      return {
        table: readU32(found.get(RTA_TABLE)) ?? payload[RTMSG_TABLE_AT]!,
        length: payload[RTMSG_DST_LEN_AT]!,
        metric: readU32(found.get(RTA_PRIORITY)) ?? 0,
        protocol: payload[RTMSG_PROTOCOL_AT]!,
        index: readU32(found.get(RTA_OIF)) ?? 0,
      };
    })
  );
}

function questionOf({ destination, source, comesBy }: Journey, flags: number): Uint8Array {
  const bits = 8 * destination.length;
  const attributes = [attribute(RTA_DST, destination)];
  if (source !== undefined) attributes.push(attribute(RTA_SRC, source));
  if (comesBy !== undefined) attributes.push(attribute(RTA_IIF, u32(comesBy)));
  return message(
    SIZEOF_RTMSG,
    [
      [RTMSG_FAMILY_AT, 1, destination.length === 4 ? AF_INET : AF_INET6],
      [RTMSG_DST_LEN_AT, 1, bits],
      [RTMSG_SRC_LEN_AT, 1, source === undefined ? 0 : bits],
      [RTMSG_FLAGS_AT, 4, flags],
    ],
    ...attributes,
  );
}

function aboutOf({ destination }: Journey): string {
  const text = destination.length === 4
    ? formatIpv4(viewOf(destination).getUint32(0))
    : formatIpv6(destination);
  return `route to ${text}`;
}

/** Without an answer it is a question that this kernel does not know. */
function errnoOr<T>(ask: () => T | undefined): T | number {
  try {
    return ask() ?? EINVAL;
  } catch (error) {
    if (error instanceof SyscallError) return error.errno;
    throw error;
  }
}
