import { RTN_LOCAL, RTN_UNICAST } from "#ffi/linux/mod.ts";
import { viewOf } from "#src/datapath/linux/netlink/message.ts";
import type { Answer } from "../outcome.ts";
import type { Passage } from "../passage.ts";

/**
 * The matches of xtables (iptables), from the structures that the kernel keeps of them; numbers are
 * in host byte order. Layouts: <linux/netfilter/xt_*.h>.
 */
export type Match = (info: Uint8Array, passage: Passage) => Answer;

/** One that is not understood may match. */
export function matchOf(name: string, revision: number): Match {
  return MATCHES[`${name} ${revision}`] ?? MATCHES[name] ?? (() => "maybe");
}

const answer = (matches: boolean, inverted = false): Answer => matches !== inverted ? "yes" : "no";

// struct xt_conntrack_mtinfo1 to 3
const MATCH_FLAGS_AT = 146;
const INVERT_FLAGS_AT = 148;
const STATE_MASK_AT = 150;
const CONNTRACK_STATE = 0x0001;
const CONNTRACK_STATE_ALIAS = 0x2000;
/** Of a packet without an entry, where nftables has 64. XT_CONNTRACK_STATE_UNTRACKED */
const CONNTRACK_UNTRACKED = 256;
const UNTRACKED = 64;

function conntrack(info: Uint8Array, passage: Passage, isWide: boolean): Answer {
  const view = viewOf(info);
  const flags = view.getUint16(MATCH_FLAGS_AT, true);
  if ((flags & ~CONNTRACK_STATE_ALIAS) !== CONNTRACK_STATE) return "maybe";
  const mask = isWide ? view.getUint16(STATE_MASK_AT, true) : view.getUint8(STATE_MASK_AT);
  const bits = passage.stateBits === UNTRACKED ? CONNTRACK_UNTRACKED : passage.stateBits;
  const inverted = (view.getUint16(INVERT_FLAGS_AT, true) & CONNTRACK_STATE) !== 0;
  return answer((mask & bits) !== 0, inverted);
}

/** Ports of struct xt_udp and struct xt_tcp, each from and to. */
function ports(info: Uint8Array, passage: Passage, invertAt: number): Answer {
  const view = viewOf(info);
  const packet = viewOf(passage.packet.bytes);
  const inverted = view.getUint8(invertAt);
  for (const [i, at] of [0, 2].entries()) {
    const port = packet.getUint16(passage.packet.transportAt + at);
    const inside = port >= view.getUint16(4 * i, true) && port <= view.getUint16(4 * i + 2, true);
    if (inside === ((inverted & (1 << i)) !== 0)) return "no";
  }
  return "yes";
}

const TCP_FLAGS_AT = 13;

/** Ports, the flags, and options, of which the sample packets have none. */
function tcp(info: Uint8Array, passage: Passage): Answer {
  const invertAt = 11;
  if (ports(info, passage, invertAt) === "no") return "no";
  const flags = passage.packet.bytes[passage.packet.transportAt + TCP_FLAGS_AT]!;
  const matches = (flags & info[9]!) === info[10]!;
  if (matches === ((info[invertAt]! & 4) !== 0)) return "no";
  return info[8] === 0 ? "yes" : "maybe";
}

/** struct xt_multiport_v1: flags, count, 15 ports, 15 marks of what begins a range, inversion. */
function multiport(info: Uint8Array, { packet }: Passage): Answer {
  const view = viewOf(info);
  const bytes = viewOf(packet.bytes);
  const source = bytes.getUint16(packet.transportAt);
  const destination = bytes.getUint16(packet.transportAt + 2);
  const wanted = [[source], [destination], [source, destination]][info[0]!] ?? [];
  let found = false;
  for (let i = 0; i < info[1]!; i++) {
    const from = view.getUint16(2 + 2 * i, true);
    const isRange = info[32 + i] !== 0;
    const to = isRange ? view.getUint16(2 + 2 * ++i, true) : from;
    found ||= wanted.some((port) => port >= from && port <= to);
  }
  return answer(found, info[47] !== 0);
}

const ICMPV6 = 58;

/** struct ip6t_icmp: type, least and most code, inversion. */
function icmp6(info: Uint8Array, { packet }: Passage): Answer {
  if (packet.protocol !== ICMPV6) return "no";
  const type = packet.bytes[packet.transportAt]!;
  const code = packet.bytes[packet.transportAt + 1]!;
  const matches = info[0] === 0xff || (type === info[0] && code >= info[1]! && code <= info[2]!);
  return answer(matches, (info[3]! & 1) !== 0);
}

/** Two masks of route types, by which an address may be known. struct xt_addrtype_info_v1 */
function addrtype(info: Uint8Array, passage: Passage, invert: readonly [boolean, boolean]): Answer {
  const view = viewOf(info);
  let open = false;
  for (const [i, isSource] of [true, false].entries()) {
    const mask = view.getUint16(2 * i, true);
    if (mask === 0) continue;
    const type = addressType(passage, isSource);
    if (type === undefined) open = true;
    else if (((mask & (1 << type)) !== 0) === invert[i]) return "no";
  }
  return open ? "maybe" : "yes";
}

function addressType({ hook, packet }: Passage, isSource: boolean): number | undefined {
  if (packet.local === "none") return RTN_UNICAST;
  if (hook === "ingress" || hook === "egress") return undefined;
  return (packet.local === "source") === isSource ? RTN_LOCAL : RTN_UNICAST;
}

/** struct xt_mark_mtinfo1: mark, mask, inversion. */
function mark(info: Uint8Array, passage: Passage): Answer {
  if (passage.mark === undefined) return "maybe";
  const view = viewOf(info);
  const matches = ((passage.mark & view.getUint32(4, true)) >>> 0) === view.getUint32(0, true);
  return answer(matches, info[8] !== 0);
}

const RPFILTER_INVERT = 8;

function rpfilter(info: Uint8Array, passage: Passage): Answer {
  if (!passage.comesBack) return "maybe";
  return answer(true, (info[0]! & RPFILTER_INVERT) !== 0);
}

const none: Match = () => "no";

const MATCHES: Readonly<Record<string, Match>> = {
  "comment": () => "yes",
  "conntrack 1": (info, passage) => conntrack(info, passage, false),
  "conntrack 2": (info, passage) => conntrack(info, passage, true),
  "conntrack 3": (info, passage) => conntrack(info, passage, true),
  "state": (info, passage) => answer((viewOf(info).getUint32(0, true) & passage.stateBits) !== 0),
  "udp": (info, passage) => ports(info, passage, 8),
  "tcp": tcp,
  "multiport 1": multiport,
  "icmp6": icmp6,
  "addrtype 0": (info, passage) => {
    const view = viewOf(info);
    const invert = [view.getUint32(4, true) !== 0, view.getUint32(8, true) !== 0] as const;
    return addrtype(info, passage, invert);
  },
  "addrtype 1": (info, passage) => {
    const flags = viewOf(info).getUint32(4, true);
    return addrtype(info, passage, [(flags & 1) !== 0, (flags & 2) !== 0]);
  },
  "mark 1": mark,
  "rpfilter": rpfilter,
  // Extension headers, of which the sample packets have none.
  "rt": none,
  "frag": none,
  "hbh": none,
  "dst": none,
  "ah": none,
  "esp": none,
  "mh": none,
  "srh": none,
};
