import { SyscallError } from "#ffi/errors.ts";
import {
  AF_INET6,
  DEVCONF_DISABLE_IPV6,
  ENODEV,
  IFA_ADDRESS,
  IFADDRMSG_FAMILY_AT,
  IFADDRMSG_INDEX_AT,
  IFADDRMSG_PREFIXLEN_AT,
  IFINFOMSG_CHANGE_AT,
  IFINFOMSG_FLAGS_AT,
  IFINFOMSG_INDEX_AT,
  IFLA_AF_SPEC,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INET6_CONF,
  IFLA_INFO_DATA,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TUN_NUM_QUEUES,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_EUI64,
  IN6_ADDR_GEN_MODE_NONE,
  RTM_DELADDR,
  RTM_GETLINK,
  RTM_SETLINK,
  SIZEOF_IFADDRMSG,
  SIZEOF_IFINFOMSG,
} from "#ffi/linux/mod.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  attribute,
  cString,
  type Field,
  message,
  readAttributes,
  readU32,
  u32,
  u8,
} from "./message.ts";
import { type Link, linkIn } from "./routing.ts";
import type { Netlink } from "./socket.ts";

/** One link, asked for and changed by itself: others cost nothing, however many there are. Everything throws SyscallError. */

/** What is kept of a link, or tells who else has it. */
export interface LinkState extends Link {
  /** Index of the bridge, bond or VRF that it is part of; 0: none. */
  readonly master: number;
  /** `none`: the kernel has taken IPv6 off it, as for an MTU below 1280. */
  readonly ipv6: "on" | "disabled" | "none";
  /** Whether the kernel makes a link-local address by itself. */
  readonly makesAddress: boolean;
  /** Of a TUN, queues in use; undefined where the kernel does not tell. Linux 4.16 */
  readonly queues: number | undefined;
}

/** @returns undefined when there is no such link in this network namespace */
export function linkStateAt(netlink: Netlink, index: number): LinkState | undefined {
  const body = message(SIZEOF_IFINFOMSG, [[IFINFOMSG_INDEX_AT, 4, index]]);
  try {
    return netlink.ask(RTM_GETLINK, body, `look at interface ${index}`, readLink);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === ENODEV) return undefined;
    throw error;
  }
}

function readLink(payload: Uint8Array): LinkState {
  const found = readAttributes(payload, SIZEOF_IFINFOMSG);
  const nested = (of: Uint8Array | undefined, type: number) =>
    of === undefined ? undefined : readAttributes(of, 0).get(type);
  const inet6 = nested(found.get(IFLA_AF_SPEC), AF_INET6);
  const queues = nested(nested(found.get(IFLA_LINKINFO), IFLA_INFO_DATA), IFLA_TUN_NUM_QUEUES);
  return {
    ...linkIn(payload),
    master: readU32(found.get(IFLA_MASTER)) ?? 0,
    ...readInet6(inet6),
    queues: readU32(queues),
  };
}

function readInet6(inet6: Uint8Array | undefined): Pick<LinkState, "ipv6" | "makesAddress"> {
  if (inet6 === undefined) return { ipv6: "none", makesAddress: true };
  const found = readAttributes(inet6, 0);
  const disabled = readU32(found.get(IFLA_INET6_CONF), 4 * DEVCONF_DISABLE_IPV6) ?? 0;
  const mode = found.get(IFLA_INET6_ADDR_GEN_MODE)?.[0];
  return {
    ipv6: disabled === 0 ? "on" : "disabled",
    makesAddress: mode !== IN6_ADDR_GEN_MODE_NONE,
  };
}

/** What of a link is to be set; what is left out stays as it is. */
export interface LinkChange {
  readonly name?: string;
  readonly mtu?: number;
  readonly queueLength?: number;
  readonly master?: number;
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
  const { name, mtu, queueLength, master, set = 0, clear = 0 } = change;
  const attributes = [
    ...(name === undefined ? [] : [attribute(IFLA_IFNAME, cString(name))]),
    ...(mtu === undefined ? [] : [attribute(IFLA_MTU, u32(mtu))]),
    ...(queueLength === undefined ? [] : [attribute(IFLA_TXQLEN, u32(queueLength))]),
    ...(master === undefined ? [] : [attribute(IFLA_MASTER, u32(master))]),
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

export function deleteAddress(
  netlink: Netlink,
  index: number,
  address: Uint8Array,
  prefixLength: number,
): void {
  const body = addressBody(index, address, prefixLength);
  netlink.change(RTM_DELADDR, 0, body, `delete address ${formatIpv6(address)}/${prefixLength}`);
}

function addressBody(index: number, address: Uint8Array, prefixLength: number): Uint8Array {
  return message(
    SIZEOF_IFADDRMSG,
    [
      [IFADDRMSG_FAMILY_AT, 1, AF_INET6],
      [IFADDRMSG_PREFIXLEN_AT, 1, prefixLength],
      [IFADDRMSG_INDEX_AT, 4, index],
    ],
    attribute(IFA_ADDRESS, address),
  );
}
