import {
  AF_INET6,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_F_CLONED,
  RTM_GETROUTE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_FLAGS_AT,
  RTMSG_PROTOCOL_AT,
  RTMSG_TABLE_AT,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { attribute, message, readAttributes, readU32, u32, viewOf } from "./message.ts";
import type { OnLinkRoute } from "./routing.ts";
import type { Netlink } from "./socket.ts";

/** IPv6 routes of all tables. Everything throws SyscallError. */

/** A route by an interface, of whichever table. */
export type TableRoute = Required<{ [K in keyof OnLinkRoute]: NonNullable<OnLinkRoute[K]> }>;

/** The routes of all tables that lead to one interface, those that the kernel makes for itself too. */
export function routesBy(netlink: Netlink, index: number): TableRoute[] {
  // Kernels that heed no filter give all routes. NetlinkChannel.filterLists()
  const wanted = attribute(RTA_OIF, u32(index));
  const body = message(SIZEOF_RTMSG, [[RTMSG_FAMILY_AT, 1, AF_INET6]], wanted);
  return netlink.dump(RTM_GETROUTE, body, `list routes by interface ${index}`, (payload) => {
    const found = readAttributes(payload, SIZEOF_RTMSG);
    if (readU32(found.get(RTA_OIF)) !== index || isCloned(payload)) return undefined;
    return {
      prefix: {
        bytes: found.get(RTA_DST)?.slice() ?? new Uint8Array(IPV6_LENGTH),
        length: payload[RTMSG_DST_LEN_AT]!,
      },
      index,
      metric: readU32(found.get(RTA_PRIORITY)) ?? 0,
      protocol: payload[RTMSG_PROTOCOL_AT]!,
      table: tableOf(payload, found),
    };
  });
}

/** Which interfaces the routes of each table lead to, 0 for what leads to none or to several. */
export function tablesInUse(netlink: Netlink): Map<number, Set<number>> {
  const tables = new Map<number, Set<number>>();
  const body = message(SIZEOF_RTMSG, [[RTMSG_FAMILY_AT, 1, AF_INET6]]);
  netlink.dump(RTM_GETROUTE, body, "list tables", (payload) => {
    if (isCloned(payload)) return undefined;
    const found = readAttributes(payload, SIZEOF_RTMSG);
    const table = tableOf(payload, found);
    const indexes = tables.get(table) ?? new Set();
    tables.set(table, indexes.add(readU32(found.get(RTA_OIF)) ?? 0));
    return undefined;
  });
  return tables;
}

function isCloned(payload: Uint8Array): boolean {
  return (viewOf(payload).getUint32(RTMSG_FLAGS_AT, true) & RTM_F_CLONED) !== 0;
}

function tableOf(payload: Uint8Array, found: ReadonlyMap<number, Uint8Array>): number {
  return readU32(found.get(RTA_TABLE)) ?? payload[RTMSG_TABLE_AT] ?? RT_TABLE_UNSPEC;
}
