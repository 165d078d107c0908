import {
  AF_INET6,
  IFA_ADDRESS,
  IFA_CACHEINFO,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_FLAGS,
  IFA_PROTO,
  IFADDRMSG_FAMILY_AT,
  IFADDRMSG_INDEX_AT,
  IFADDRMSG_PREFIXLEN_AT,
  IFADDRMSG_SCOPE_AT,
  IFINFOMSG_CHANGE_AT,
  IFINFOMSG_FLAGS_AT,
  IFINFOMSG_INDEX_AT,
  IFLA_AF_SPEC,
  IFLA_CARRIER,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_EUI64,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RTM_DELADDR,
  RTM_NEWADDR,
  RTM_SETLINK,
  SIZEOF_IFADDRMSG,
  SIZEOF_IFINFOMSG,
} from "#ffi/linux/mod.ts";
import { formatIpv6, isLinkLocal } from "#src/protocol/wire/ipv6.ts";
import { attribute, cString, type Field, message, u32, u8 } from "./message.ts";
import type { Netlink } from "./socket.ts";

/** One link is changed, or one of its addresses. Everything throws SyscallError. */

/** What of a link is to be set; what is left out stays as it is. */
export interface LinkChange {
  readonly name?: string;
  readonly mtu?: number;
  readonly queueLength?: number;
  readonly master?: number;
  readonly carrier?: boolean;
  /** IFF_ bits to set, and to clear. */
  readonly set?: number;
  readonly clear?: number;
}

export function changeLink(
  netlink: Netlink,
  index: number,
  change: LinkChange,
  about: string,
): void {
  const { name, mtu, queueLength, master, carrier, set = 0, clear = 0 } = change;
  const attributes = [
    ...(name === undefined ? [] : [attribute(IFLA_IFNAME, cString(name))]),
    ...(mtu === undefined ? [] : [attribute(IFLA_MTU, u32(mtu))]),
    ...(queueLength === undefined ? [] : [attribute(IFLA_TXQLEN, u32(queueLength))]),
    ...(master === undefined ? [] : [attribute(IFLA_MASTER, u32(master))]),
    ...(carrier === undefined ? [] : [attribute(IFLA_CARRIER, u8(Number(carrier)))]),
  ];
  const flags: Field[] = [[IFINFOMSG_FLAGS_AT, 4, set], [IFINFOMSG_CHANGE_AT, 4, set | clear]];
  const fields: Field[] = [[IFINFOMSG_INDEX_AT, 4, index], ...flags];
  netlink.change(RTM_SETLINK, 0, message(SIZEOF_IFINFOMSG, fields, ...attributes), about);
}

/** Whether a link makes an IPv6 address by itself when it comes up. */
export function makeAddress(netlink: Netlink, index: number, wanted: boolean, about: string) {
  const mode = wanted ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE;
  const inet6 = attribute(AF_INET6, attribute(IFLA_INET6_ADDR_GEN_MODE, u8(mode)));
  const fields = [[IFINFOMSG_INDEX_AT, 4, index]] as const;
  const body = message(SIZEOF_IFINFOMSG, fields, attribute(IFLA_AF_SPEC, inet6));
  netlink.change(RTM_SETLINK, 0, body, about);
}

/** What an address is given besides. */
export interface AddressTraits {
  /** The kernel makes no route of its prefix. */
  readonly noRoute: boolean;
  /** Whether new flows are to avoid it. */
  readonly deprecated: boolean;
  /** Who gives it, in the numbers of routes; kernels keep it since 5.18. */
  readonly protocol: number;
}

/** Lifetime without an end. RFC 4861 §4.6.2 */
const FOREVER = 0xffff_ffff;

/**
 * Adds an IPv6 address, usable at once: nobody else on the link could hold it. Of one that is there
 * already the traits are set.
 */
export function addAddress(
  netlink: Netlink,
  index: number,
  address: Uint8Array,
  prefixLength: number,
  traits?: AddressTraits,
): void {
  const flags = IFA_F_NODAD | (traits?.noRoute === true ? IFA_F_NOPREFIXROUTE : 0);
  const body = addressBody(
    index,
    address,
    prefixLength,
    attribute(IFA_FLAGS, u32(flags)),
    ...(traits === undefined ? [] : [
      attribute(IFA_CACHEINFO, lifetimes(traits.deprecated ? 0 : FOREVER)),
      attribute(IFA_PROTO, u8(traits.protocol)),
    ]),
  );
  const about = `add address ${formatIpv6(address)}/${prefixLength}`;
  netlink.change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, about);
}

/** struct ifa_cacheinfo: an address that is valid for ever. */
function lifetimes(preferred: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(preferred, FOREVER, 0, 0).buffer);
}

export function deleteAddress(
  netlink: Netlink,
  index: number,
  address: Uint8Array,
  prefixLength: number,
): void {
  const body = addressBody(index, address, prefixLength);
  netlink.change(RTM_DELADDR, 0, body, `delete address ${formatIpv6(address)}/${prefixLength}`);
}

function addressBody(
  index: number,
  address: Uint8Array,
  prefixLength: number,
  ...more: Uint8Array[]
): Uint8Array {
  const scope = isLinkLocal(address, 0) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  return message(
    SIZEOF_IFADDRMSG,
    [
      [IFADDRMSG_FAMILY_AT, 1, AF_INET6],
      [IFADDRMSG_PREFIXLEN_AT, 1, prefixLength],
      [IFADDRMSG_SCOPE_AT, 1, scope],
      [IFADDRMSG_INDEX_AT, 4, index],
    ],
    attribute(IFA_ADDRESS, address),
    ...more,
  );
}
