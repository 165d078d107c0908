import { COUNTERS_LENGTH } from "#src/protocol/counters.ts";

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

/**
 * What became of one packet, as 8-bit and larger numbers in this order:
 *
 *     0 way (1)   1 drop reason (1)   2 whether it has IPv6 addresses (1)   3 next header (1)
 *     4 length (4)   8 other end's IPv4 address (4)   12 its port (2)
 *    14 ends sent to, of which MAX_SENT are told (1)  15 packets passed to the IPv6 side (1)
 *    16 IPv6 source (16)   32 IPv6 destination (16)
 *    48 ends sent to: IPv4 address (4) and port (2), each
 *    66 by how much it raised each counter, 255 at the most (1 each)
 */
export const FATE = {
  way: 0,
  drop: 1,
  hasIpv6: 2,
  nextHeader: 3,
  length: 4,
  address: 8,
  port: 12,
  sent: 14,
  passed: 15,
  source: 16,
  destination: 32,
  ends: 48,
  raised: 48 + 6 * MAX_SENT,
} as const;

export const FATE_LENGTH: number = FATE.raised + COUNTERS_LENGTH;
