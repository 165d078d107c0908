/** What a packet was when it was recorded. */
export const Way = {
  /** A datagram that came to a socket of ours. */
  FromUdp: 0,
  /** A packet, or a super-packet, from the IPv6 side. */
  FromIpv6: 1,
  /** A datagram of our own: a bubble, an advertisement, what was held; or one that the kernel refused. */
  ToUdp: 2,
  /** A packet of our own to the IPv6 side: an ICMPv6 error; or one that the kernel refused. */
  ToIpv6: 3,
  /** A packet that was held, and is let go. */
  FromHold: 4,
} as const;
export type Way = (typeof Way)[keyof typeof Way];

export const Flag = {
  /**
   * It was sent on at once: what came from the IPv6 side to the end that the entry names, a datagram to
   * where its IPv6 destination says that its client is, from a server's primary address.
   */
  SentOn: 1,
  /** What came to a socket was passed to the IPv6 side. */
  Passed: 2,
  /** Of a server's two sockets the secondary. */
  Secondary: 4,
  /** An authentication encapsulation of the shortest kind stands first. RFC 4380 §5.1.1 */
  Authentication: 8,
  /** An origin indication stands before the IPv6 header. RFC 4380 §5.1.1 */
  Origin: 16,
  /** The datagram began with more than is kept of it: a client identifier, a value. */
  LeftOut: 32,
  /** The datagram was sent on with an origin indication of its own. */
  OriginAdded: 64,
  /** The datagram was answered to where it came from. */
  Answered: 128,
} as const;

/**
 * One entry, in bytes; numbers in the machine's order, headers as on the wire:
 *
 *     0 sequence number (4)   4 way (1)   5 drop reason (1)   6 flags (1)   7 bytes of inner headers (1)
 *     8 time by the thread's clock (8)
 *    16 other end's IPv4 address (4)  20 its port (2)  22 packets of a run (2)
 *    24 our IPv4 address, 0: not told (4)
 *    28 bytes of the first packet (4)  32 bytes of all of them (4): of the IPv6 packet, or of the payload
 *       of UDP
 *    36 encapsulations (0, 8, 13 or 21), then the IPv6 header and the header behind it: never payload
 */
export const ENTRY_LENGTH = 128;
export const ENTRY_WORDS: number = ENTRY_LENGTH / 4;
export const HEADERS_AT = 36;
export const HEADERS_LENGTH: number = ENTRY_LENGTH - HEADERS_AT;

/** Entries of one worker; see docs/limits.md. A power of two. */
export const TAPE_ENTRIES = 4_096;

/** Words of an entry, where it is not read or written byte by byte. */
export const WORD = {
  kind: 1,
  time: 2,
  address: 4,
  port: 5,
  local: 6,
  length: 7,
  all: 8,
  headers: HEADERS_AT / 4,
} as const;
export const DROP_SHIFT = 8;
export const FLAGS_SHIFT = 16;
export const KEPT_SHIFT = 24;
export const PACKETS_SHIFT = 16;
