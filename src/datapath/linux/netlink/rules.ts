import {
  AF_INET6,
  FIB_RULE_INVERT,
  FR_ACT_TO_TBL,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RT_TABLE_UNSPEC,
  RTM_DELRULE,
  RTM_GETRULE,
  RTM_NEWRULE,
  RTMSG_DST_LEN_AT,
  RTMSG_FAMILY_AT,
  RTMSG_FLAGS_AT,
  RTMSG_SRC_LEN_AT,
  RTMSG_TABLE_AT,
  RTMSG_TYPE_AT,
  SIZEOF_RTMSG,
} from "#ffi/linux/mod.ts";
import { formatIpv6, IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { attribute, message, readAttributes, readU32, u32, u8, viewOf } from "./message.ts";
import type { Netlink } from "./socket.ts";

const ADDRESS_BITS = 8 * IPV6_LENGTH;

/** A rule that has packets looked up in a table. ip-rule(8) */
export interface Rule {
  /** The lowest is asked first. */
  readonly priority: number;
  readonly table: number;
  /** Whether it is about every packet. */
  readonly forAll: boolean;
  /** Routes of prefixes no longer than this are passed over; -1: none. */
  readonly suppressed: number;
  /** The one address, of 16 bytes, whose packets it is about, where it is about no more and no fewer. */
  readonly from: Uint8Array | undefined;
  /** Who made it, in the numbers of routes; undefined where the kernel is older than 4.17. */
  readonly protocol: number | undefined;
}

/** A rule about the packets from one address. */
export interface SourceRule {
  readonly from: Uint8Array;
  readonly priority: number;
  readonly table: number;
  readonly protocol: number;
}

/** What a rule for all packets has. */
const COMMON = new Set([FRA_PRIORITY, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_PROTOCOL]);
const OF_SOURCE = new Set([...COMMON, FRA_SRC]);

/** The IPv6 rules of this network namespace that name a table, in their order. @throws SyscallError */
export function rulesOf(netlink: Netlink): Rule[] {
  const body = message(SIZEOF_RTMSG, [[RTMSG_FAMILY_AT, 1, AF_INET6]]);
  return netlink.dump(RTM_GETRULE, body, "list rules", (payload) => {
    if (payload[RTMSG_TYPE_AT] !== FR_ACT_TO_TBL) return undefined;
    const found = readAttributes(payload, SIZEOF_RTMSG);
    const isInverted = (viewOf(payload).getUint32(RTMSG_FLAGS_AT, true) & FIB_RULE_INVERT) !== 0;
    const has = (attributes: ReadonlySet<number>) =>
      !isInverted && [...found.keys()].every((type) => attributes.has(type));
    const from = payload[RTMSG_SRC_LEN_AT];
    const to = payload[RTMSG_DST_LEN_AT];
    const isOfOne = from === ADDRESS_BITS && to === 0 && has(OF_SOURCE);
    return {
      priority: readU32(found.get(FRA_PRIORITY)) ?? 0,
      table: readU32(found.get(FRA_TABLE)) ?? payload[RTMSG_TABLE_AT]!,
      forAll: from === 0 && to === 0 && has(COMMON),
      suppressed: (readU32(found.get(FRA_SUPPRESS_PREFIXLEN)) ?? -1) | 0,
      from: isOfOne ? found.get(FRA_SRC)?.slice() : undefined,
      protocol: found.get(FRA_PROTOCOL)?.[0],
    };
  });
}

/** EEXIST if it is there already. @throws SyscallError */
export function addRule(netlink: Netlink, rule: SourceRule): void {
  const about = `add rule from ${formatIpv6(rule.from)}`;
  netlink.change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, ruleBody(rule), about);
}

/** ENOENT if it is not there. @throws SyscallError */
export function deleteRule(netlink: Netlink, rule: SourceRule): void {
  const about = `delete rule from ${formatIpv6(rule.from)}`;
  netlink.change(RTM_DELRULE, 0, ruleBody(rule), about);
}

function ruleBody({ from, priority, table, protocol }: SourceRule): Uint8Array {
  return message(
    SIZEOF_RTMSG,
    [
      [RTMSG_FAMILY_AT, 1, AF_INET6],
      [RTMSG_SRC_LEN_AT, 1, ADDRESS_BITS],
      [RTMSG_TABLE_AT, 1, RT_TABLE_UNSPEC],
      [RTMSG_TYPE_AT, 1, FR_ACT_TO_TBL],
    ],
    attribute(FRA_SRC, from),
    attribute(FRA_PRIORITY, u32(priority)),
    attribute(FRA_TABLE, u32(table)),
    attribute(FRA_PROTOCOL, u8(protocol)),
  );
}
