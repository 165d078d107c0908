import {
  AF_INET6,
  FIB_RULE_INVERT,
  FR_ACT_TO_TBL,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  RTM_GETRULE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_FLAGS_AT,
  RTMSG_SRC_LEN_AT,
  RTMSG_TABLE_AT,
  RTMSG_TYPE_AT,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import { message, readAttributes, readU32, viewOf } from "./message.ts";
import type { Netlink } from "./socket.ts";

/** A rule that has packets looked up in a table. ip-rule(8) */
export interface Rule {
  /** The lowest is asked first. */
  readonly priority: number;
  readonly table: number;
  /** Whether it is about every packet. */
  readonly forAll: boolean;
  /** Routes of prefixes no longer than this are passed over; -1: none. */
  readonly suppressed: number;
}

/** What a rule for all packets has. */
const COMMON = new Set([FRA_PRIORITY, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_PROTOCOL]);

/** The IPv6 rules of this network namespace that name a table, in their order. @throws SyscallError */
export function rulesOf(netlink: Netlink): Rule[] {
  const body = message(SIZEOF_RTMSG, [[RTMSG_FAMILY_AT, 1, AF_INET6]]);
  return netlink.dump(RTM_GETRULE, body, "list rules", (payload) => {
    if (payload[RTMSG_TYPE_AT] !== FR_ACT_TO_TBL) return undefined;
    const found = readAttributes(payload, SIZEOF_RTMSG);
    const isInverted = (viewOf(payload).getUint32(RTMSG_FLAGS_AT, true) & FIB_RULE_INVERT) !== 0;
    const selects = payload[RTMSG_DST_LEN_AT] !== 0 || payload[RTMSG_SRC_LEN_AT] !== 0 ||
      isInverted;
    return {
      priority: readU32(found.get(FRA_PRIORITY)) ?? 0,
      table: readU32(found.get(FRA_TABLE)) ?? payload[RTMSG_TABLE_AT]!,
      forAll: !selects && [...found.keys()].every((type) => COMMON.has(type)),
      suppressed: (readU32(found.get(FRA_SUPPRESS_PREFIXLEN)) ?? -1) | 0,
    };
  });
}
