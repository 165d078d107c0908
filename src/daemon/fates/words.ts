import { FATE, MAX_SENT, Way } from "#src/datapath/fates/fate.ts";
import type { Fields } from "#src/log/record.ts";
import { COUNTER_NAMES, type CounterName } from "#src/protocol/counters.ts";
import { DROP_NAMES, type DropName } from "#src/protocol/drops.ts";
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { ICMPV6_ECHO_REQUEST } from "#src/protocol/wire/build.ts";
import { describePacket } from "#src/protocol/wire/describe.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  formatIpv6,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { DROP_HELP } from "#src/status/drop_help.ts";

const WAYS: Readonly<Record<Way, string>> = {
  [Way.Udp]: "from_udp",
  [Way.Ipv6]: "from_ipv6",
  [Way.Timer]: "timer",
  [Way.Hold]: "from_hold",
};

/** What the rules did, by the counter that tells of it, in the order they are told. */
const DEEDS: Readonly<Partial<Record<CounterName, string>>> = {
  solicitations_received: "took a router solicitation",
  bubbles_received: "took a bubble",
  bubbles_answered: "which answers ours",
  peers_created: "made an entry",
  peers_evicted: "another entry made room",
  peers_trusted: "became trusted",
  packets_released: "released what was held",
  packets_held: "held",
  bubbles_sent_direct: "sent a direct bubble",
  bubbles_sent_indirect: "sent a bubble by way of its server",
  bubbles_sent_refresh: "to keep the entry",
  bubbles_sent_challenge: "sent a bubble as a challenge",
  icmpv6_errors_sent: "sent an ICMPv6 error",
  icmpv6_errors_suppressed: "kept back an ICMPv6 error: too many",
  advertisements_sent: "sent a router advertisement",
  bubbles_forwarded: "passed the bubble on",
  icmpv6_forwarded: "passed the ICMPv6 packet on",
  native_forwarded: "passed it to the IPv6 Internet",
  echoes_answered: "answered the echo request",
  client_qualifications: "qualified",
  client_address_changes: "took another address",
  client_failovers: "went over to another server",
  client_solicitations: "asked a server",
  client_echo_tests: "sent an echo test",
};

/** Next headers by the names that people know. */
const PACKETS: Readonly<Record<number, string>> = {
  6: "tcp",
  17: "udp",
  44: "fragment",
  58: "icmpv6",
  59: "bubble",
};

/** One packet's fate in words. */
export function fieldsOf(fate: Uint8Array): Fields {
  const drop = DROP_NAMES[fate[FATE.drop]!]!;
  const did = deedsOf(fate);
  return {
    way: WAYS[fate[FATE.way] as Way],
    peer: fate[FATE.way] === Way.Udp ? endAt(fate, FATE.address) : undefined,
    ...packetOf(fate),
    bytes: readU32(fate, FATE.length),
    did: did.length === 0 ? undefined : did.join(", "),
    to: endsOf(fate),
    ...reasonOf(drop),
  };
}

function packetOf(fate: Uint8Array): Fields {
  const length = fate[FATE.ipv6Length]!;
  return length === 0 ? {} : packetIn(fate, FATE.ipv6, length);
}

/** An IPv6 packet in words. */
export interface PacketWords {
  readonly packet: string;
  /** More of what it is. */
  readonly what?: string;
  readonly source: string;
  readonly destination: string;
}

/** The IPv6 packet of `length` bytes at `at`, of which its headers and 8 bytes of ICMPv6 are there. */
export function packetIn(b: Uint8Array, at: number, length: number): PacketWords {
  const nextHeader = b[at + NEXT_HEADER_AT]!;
  const packet = PACKETS[nextHeader] ?? `next header ${nextHeader}`;
  const what = describePacket(b, at, length);
  return {
    packet,
    ...(what === undefined || what === packet ? {} : { what }),
    source: formatIpv6(b, at + SOURCE_AT),
    destination: formatIpv6(b, at + DESTINATION_AT),
  };
}

function deedsOf(fate: Uint8Array): string[] {
  const names = Object.keys(DEEDS) as CounterName[];
  const deeds = names.flatMap((name) => {
    const count = fate[FATE.raised + COUNTER_NAMES.indexOf(name)]!;
    if (count === 0) return [];
    return count === 1 ? DEEDS[name]! : `${DEEDS[name]} (${count})`;
  });
  if (fate[FATE.way] === Way.Timer) return [timerDeed(fate)];
  if (fate[FATE.passed] === 1 && deeds.length === 0) deeds.push("passed to the IPv6 side");
  const isPlain = fate[FATE.way] === Way.Ipv6 && fate[FATE.sent]! > 0;
  if (isPlain && !deeds.includes(DEEDS.packets_held!)) deeds.unshift("sent");
  return deeds;
}

/**
 * A timer sends bubbles, and errors to those whose packets were held in vain; a client's asks servers and
 * native hosts as well.
 */
function timerDeed(fate: Uint8Array): string {
  if (fate[FATE.sent] === 0) return "sent an ICMPv6 error";
  if (fate[FATE.ipv6 + NEXT_HEADER_AT] !== NEXT_HEADER_ICMPV6) return "sent a bubble again";
  const type = fate[FATE.ipv6 + IPV6_HEADER_LENGTH];
  return type === ICMPV6_ECHO_REQUEST ? "sent an echo test" : "asked a server";
}

function endsOf(fate: Uint8Array): string[] | undefined {
  const count = Math.min(fate[FATE.sent]!, MAX_SENT);
  if (count === 0) return undefined;
  const ends = Array.from({ length: count }, (_, i) => endAt(fate, FATE.ends + 6 * i));
  const more = fate[FATE.sent]! - count;
  return more === 0 ? ends : [...ends, `and ${more} more`];
}

function endAt(fate: Uint8Array, at: number): string {
  return `${formatIpv4(readU32(fate, at))}:${readU16(fate, at + 4)}`;
}

function reasonOf(drop: DropName): Fields {
  return drop === "none" ? {} : { reason: drop, detail: `dropped: ${DROP_HELP[drop].because}` };
}
