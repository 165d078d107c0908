import { COUNTERS_LENGTH } from "#src/protocol/counters.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { IPV6_HEADER_LENGTH } from "#src/protocol/wire/ipv6.ts";

/** Where a packet came from whose fate is told. */
export const Way = {
  /** A datagram that came to a socket of ours. */
  Udp: 0,
  /** A packet from the IPv6 side. */
  Ipv6: 1,
  /** Nowhere: a timer sent it. */
  Timer: 2,
  /** It had been held, and is let go. */
  Hold: 3,
} as const;
export type Way = (typeof Way)[keyof typeof Way];

/** Most ends told that one packet made us send to. */
export const MAX_SENT = 3;

/** Bytes told of an IPv6 packet: its header, and of what follows as much as UDP and ICMPv6 begin with. */
export const MAX_HEADER = IPV6_HEADER_LENGTH + 8;

/**
 * What became of one packet, as 8-bit and larger numbers in this order:
 *
 *     0 way (1)   1 drop reason (1)   2 bytes that there are of an IPv6 packet (1)   3 nothing (1)
 *     4 length (4)   8 other end's IPv4 address (4)   12 its port (2)
 *    14 ends sent to, of which MAX_SENT are told (1)  15 packets passed to the IPv6 side (1)
 *    16 milliseconds since 1970 (8)
 *    24 IPv6 packet (MAX_HEADER)
 *    72 ends sent to: IPv4 address (4) and port (2), each
 *    90 by how much it raised each counter, 255 at the most (1 each)
 */
export const FATE = {
  way: 0,
  drop: 1,
  ipv6Length: 2,
  length: 4,
  address: 8,
  port: 12,
  sent: 14,
  passed: 15,
  time: 16,
  ipv6: 24,
  ends: 24 + MAX_HEADER,
  raised: 24 + MAX_HEADER + 6 * MAX_SENT,
} as const;

export const FATE_LENGTH: number = FATE.raised + COUNTERS_LENGTH;

const HIGH = 2 ** 32;

/** @param time milliseconds since 1970 */
export function writeTime(fate: Uint8Array, time: number): void {
  writeU32(fate, FATE.time, Math.floor(time / HIGH));
  writeU32(fate, FATE.time + 4, time % HIGH);
}

export function timeOf(fate: Uint8Array): number {
  return readU32(fate, FATE.time) * HIGH + readU32(fate, FATE.time + 4);
}
