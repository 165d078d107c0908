import { copyBytes, writeU16, writeU32 } from "./bytes.ts";
import { payloadChecksum } from "./checksum.ts";
import { AUTHENTICATION, NONCE_LENGTH, ORIGIN_INDICATION, ORIGIN_LENGTH } from "./datagram.ts";
import {
  ALL_ROUTERS,
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_ICMPV6,
  NEXT_HEADER_NONE,
  SOURCE_AT,
  writeIpv6Header,
} from "./ipv6.ts";
import { TEREDO_PORT, writeLinkLocal } from "./teredo_address.ts";

/**
 * Writers: each puts its bytes at `at` of the caller's array and returns the offset after them.
 * None allocates, none checks for room: see the length beside each.
 */

export const BUBBLE_LENGTH = IPV6_HEADER_LENGTH;

export const ICMPV6_UNREACHABLE = 1;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_ROUTER_SOLICITATION = 133;
export const ICMPV6_ROUTER_ADVERTISEMENT = 134;
/** The smallest type that is informational and no error. RFC 4443 §2.1 */
export const ICMPV6_FIRST_INFORMATIONAL = 128;

/** RFC 4443 §3.1 */
export const UNREACHABLE_NO_ROUTE = 0;
export const UNREACHABLE_PROHIBITED = 1;
export const UNREACHABLE_ADDRESS = 3;

/** The IPv6 minimum MTU, which no ICMPv6 error may exceed. RFC 4443 §2.4 (c) */
export const ICMPV6_ERROR_MAX_LENGTH = 1280;
const ICMPV6_ERROR_HEADER_LENGTH = 8;

/** Neighbor discovery packets must show that no router touched them. RFC 4861 §6.1.1 */
export const ND_HOP_LIMIT = 255;
export const RETRANS_TIMER_MS = 2_000;

const RS_LENGTH = 8;
const RA_FIXED_LENGTH = 16;
const PREFIX_OPTION_LENGTH = 32;
const MTU_OPTION_LENGTH = 8;
const RA_LENGTH = RA_FIXED_LENGTH + PREFIX_OPTION_LENGTH + MTU_OPTION_LENGTH;
/** What {@link writeRouterAdvertisement} writes. */
export const ADVERTISEMENT_LENGTH: number = IPV6_HEADER_LENGTH + RA_LENGTH;

/** 40 bytes. Hop limit 0, as real peers send it. RFC 4380 §2.8 */
export function writeBubble(
  b: Uint8Array,
  at: number,
  source: Uint8Array,
  sourceAt: number,
  destination: Uint8Array,
  destinationAt: number,
): number {
  writeIpv6Header(b, at, 0, NEXT_HEADER_NONE, 0);
  copyBytes(b, at + SOURCE_AT, source, sourceAt, IPV6_LENGTH);
  copyBytes(b, at + DESTINATION_AT, destination, destinationAt, IPV6_LENGTH);
  return at + BUBBLE_LENGTH;
}

/** 8 bytes: `0000`, port and address with every bit inverted. RFC 4380 §5.1.1 */
export function writeOrigin(b: Uint8Array, at: number, address: number, port: number): number {
  writeU16(b, at, ORIGIN_INDICATION);
  writeU16(b, at + 2, port ^ 0xffff);
  writeU32(b, at + 4, ~address >>> 0);
  return at + ORIGIN_LENGTH;
}

/** 13 bytes plus client identifier and value. RFC 4380 §5.1.1 */
export function writeAuthentication(
  b: Uint8Array,
  at: number,
  clientId: Uint8Array,
  value: Uint8Array,
  nonce: Uint8Array,
  nonceAt: number,
  confirmation: number,
): number {
  writeU16(b, at, AUTHENTICATION);
  b[at + 2] = clientId.length;
  b[at + 3] = value.length;
  at += 4;
  copyBytes(b, at, clientId, 0, clientId.length);
  at += clientId.length;
  copyBytes(b, at, value, 0, value.length);
  at += value.length;
  copyBytes(b, at, nonce, nonceAt, NONCE_LENGTH);
  b[at + NONCE_LENGTH] = confirmation;
  return at + NONCE_LENGTH + 1;
}

/** 48 bytes: router solicitation without options, to ff02::2. RFC 4861 §4.1, RFC 4380 §5.2.1 */
export function writeRouterSolicitation(
  b: Uint8Array,
  at: number,
  source: Uint8Array,
  sourceAt: number,
): number {
  writeIpv6Header(b, at, RS_LENGTH, NEXT_HEADER_ICMPV6, ND_HOP_LIMIT);
  copyBytes(b, at + SOURCE_AT, source, sourceAt, IPV6_LENGTH);
  copyBytes(b, at + DESTINATION_AT, ALL_ROUTERS, 0, IPV6_LENGTH);
  const icmp = at + IPV6_HEADER_LENGTH;
  writeU32(b, icmp, ICMPV6_ROUTER_SOLICITATION << 24);
  writeU32(b, icmp + 4, 0);
  writeU16(b, icmp + 2, payloadChecksum(b, at));
  return icmp + RS_LENGTH;
}

export interface Advertisement {
  /** Upper 32 bits of the advertised prefix; the server address makes it a /64. */
  readonly prefix: number;
  /** The primary address, also when the secondary answers. RFC 4380 §5.3.2 */
  readonly serverAddress: number;
  readonly mtu: number;
}

/**
 * 96 bytes: router advertisement with one prefix and the MTU option. RFC 4380 §5.3.2
 *
 * ICMPv6 part: 16 fixed (lifetime 0, retransmission 2000 ms), prefix option 32 (/64, A, infinite
 * lifetimes), MTU option 8.
 */
export function writeRouterAdvertisement(
  b: Uint8Array,
  at: number,
  advertisement: Advertisement,
  destination: Uint8Array,
  destinationAt: number,
): number {
  writeIpv6Header(b, at, RA_LENGTH, NEXT_HEADER_ICMPV6, ND_HOP_LIMIT);
  writeLinkLocal(b, at + SOURCE_AT, 0x8000, advertisement.serverAddress, TEREDO_PORT);
  copyBytes(b, at + DESTINATION_AT, destination, destinationAt, IPV6_LENGTH);

  const icmp = at + IPV6_HEADER_LENGTH;
  writeU32(b, icmp, ICMPV6_ROUTER_ADVERTISEMENT << 24);
  writeU32(b, icmp + 4, 0); // current hop limit, flags, router lifetime
  writeU32(b, icmp + 8, 0); // reachable time
  writeU32(b, icmp + 12, RETRANS_TIMER_MS);

  const option = icmp + RA_FIXED_LENGTH;
  writeU32(b, option, 0x03044040); // prefix information, 4 x 8 bytes, /64, autonomous
  writeU32(b, option + 4, 0xffffffff);
  writeU32(b, option + 8, 0xffffffff);
  writeU32(b, option + 12, 0);
  writeU32(b, option + 16, advertisement.prefix);
  writeU32(b, option + 20, advertisement.serverAddress);
  writeU32(b, option + 24, 0);
  writeU32(b, option + 28, 0);

  const mtu = option + PREFIX_OPTION_LENGTH;
  writeU32(b, mtu, 0x05010000);
  writeU32(b, mtu + 4, advertisement.mtu);
  writeU16(b, icmp + 2, payloadChecksum(b, at));
  return icmp + RA_LENGTH;
}

/**
 * 48..1280 bytes: ICMPv6 error about the packet of `length` bytes at `packetAt`, sent back to its
 * source with as much of it as fits. RFC 4443 §2.4 (c), §3
 *
 * Whether an error may be sent at all (§2.4 (e), (f)) is the caller's question.
 *
 * @param word the four bytes after the checksum: 0 for unreachable, the MTU for too big
 */
export function writeIcmpv6Error(
  b: Uint8Array,
  at: number,
  type: number,
  code: number,
  word: number,
  source: Uint8Array,
  packet: Uint8Array,
  packetAt: number,
  packetLength: number,
): number {
  const room = ICMPV6_ERROR_MAX_LENGTH - IPV6_HEADER_LENGTH - ICMPV6_ERROR_HEADER_LENGTH;
  const quoted = Math.min(packetLength, room);
  const length = ICMPV6_ERROR_HEADER_LENGTH + quoted;
  writeIpv6Header(b, at, length, NEXT_HEADER_ICMPV6, 255);
  copyBytes(b, at + SOURCE_AT, source, 0, IPV6_LENGTH);
  copyBytes(b, at + DESTINATION_AT, packet, packetAt + SOURCE_AT, IPV6_LENGTH);
  const icmp = at + IPV6_HEADER_LENGTH;
  writeU32(b, icmp, ((type << 24) | (code << 16)) >>> 0);
  writeU32(b, icmp + 4, word);
  copyBytes(b, icmp + ICMPV6_ERROR_HEADER_LENGTH, packet, packetAt, quoted);
  writeU16(b, icmp + 2, payloadChecksum(b, at));
  return icmp + length;
}
