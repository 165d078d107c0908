import { Drop } from "../drops.ts";
import { parseIpv4 } from "./ipv4.ts";
import { readU16, readU32, writeU16, writeU32 } from "./bytes.ts";

/**
 * IPv6 header, 40 bytes (RFC 8200 §3), as offsets from its first byte:
 *
 *     0 version, traffic class, flow label (4)   4 payload length (2)
 *     6 next header (1)                          7 hop limit (1)
 *     8 source address (16)                     24 destination address (16)
 */
export const IPV6_HEADER_LENGTH = 40;
export const PAYLOAD_LENGTH_AT = 4;
export const NEXT_HEADER_AT = 6;
export const HOP_LIMIT_AT = 7;
export const SOURCE_AT = 8;
export const DESTINATION_AT = 24;

export const NEXT_HEADER_TCP = 6;
export const NEXT_HEADER_UDP = 17;
export const NEXT_HEADER_ICMPV6 = 58;
/** No next header: with an empty payload, a bubble. RFC 4380 §2.8 */
export const NEXT_HEADER_NONE = 59;

export const IPV6_LENGTH = 16;

/** ff02::2, where router solicitations go. */
export const ALL_ROUTERS: Uint8Array = parseIpv6("ff02::2")!;

/** Writes the fixed header except the addresses; traffic class and flow label 0. */
export function writeIpv6Header(
  b: Uint8Array,
  at: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  writeU32(b, at, 0x60000000);
  writeU16(b, at + PAYLOAD_LENGTH_AT, payloadLength);
  b[at + NEXT_HEADER_AT] = nextHeader;
  b[at + HOP_LIMIT_AT] = hopLimit;
}

/** Why the `length` bytes at `at` are not one IPv6 packet, no more and no less. */
export function checkIpv6(b: Uint8Array, at: number, length: number): Drop {
  if (length < IPV6_HEADER_LENGTH) return Drop.Truncated;
  if (b[at]! >> 4 !== 6) return Drop.NotIpv6;
  const whole = IPV6_HEADER_LENGTH + readU16(b, at + PAYLOAD_LENGTH_AT);
  return whole === length ? Drop.None : Drop.BadLength;
}

/** Whether the IPv6 packet at `at` is a bubble: next header 59, no payload. RFC 4380 §2.8 */
export function isBubble(b: Uint8Array, at: number): boolean {
  return b[at + NEXT_HEADER_AT] === NEXT_HEADER_NONE && readU16(b, at + PAYLOAD_LENGTH_AT) === 0;
}

export function equalIpv6(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  for (let i = 0; i < IPV6_LENGTH; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** ff00::/8 */
export function isMulticast(b: Uint8Array, at: number): boolean {
  return b[at] === 0xff;
}

/** fe80::/10 */
export function isLinkLocal(b: Uint8Array, at: number): boolean {
  return b[at] === 0xfe && (b[at + 1]! & 0xc0) === 0x80;
}

/** A group of one interface or one link: scope 1 or 2. RFC 4291 §2.7 */
export function isLinkMulticast(b: Uint8Array, at: number): boolean {
  const scope = b[at + 1]! & 0x0f;
  return isMulticast(b, at) && (scope === 1 || scope === 2);
}

export function isUnspecified(b: Uint8Array, at: number): boolean {
  return (readU32(b, at) | readU32(b, at + 4) | readU32(b, at + 8) | readU32(b, at + 12)) === 0;
}

export function isLoopback(b: Uint8Array, at: number): boolean {
  return (readU32(b, at) | readU32(b, at + 4) | readU32(b, at + 8)) === 0 &&
    readU32(b, at + 12) === 1;
}

/**
 * Whether the packet is this host's own, to the link of the interface alone: reports of multicast
 * groups, router solicitations, duplicate address detection. No router passes on what comes from
 * such a source or goes to such a group, so it is no one's packet that would be lost.
 */
export function isLinkMessage(b: Uint8Array, at: number): boolean {
  const source = at + SOURCE_AT;
  return isLinkMulticast(b, at + DESTINATION_AT) &&
    (isLinkLocal(b, source) || isUnspecified(b, source));
}

/** Unicast that no router passes on: link-local, ::/96 and ::ffff:0:0/96. RFC 4291 §2.5 */
export function isUnroutable(b: Uint8Array, at: number): boolean {
  if (isLinkLocal(b, at)) return true;
  if (readU32(b, at) !== 0 || readU32(b, at + 4) !== 0) return false;
  const high = readU32(b, at + 8);
  return high === 0 || high === 0xffff;
}

/** fc00::/7, ::/96, ::ffff:0:0/96 and the rest that never crosses the public Internet. RFC 4291 */
export function isGlobalScope(b: Uint8Array, at: number): boolean {
  if (isMulticast(b, at)) return (b[at + 1]! & 0x0f) === 0x0e;
  if (isLinkLocal(b, at)) return false;
  if (b[at] === 0xfe && (b[at + 1]! & 0xc0) === 0xc0) return false; // fec0::/10, RFC 3879
  if ((b[at]! & 0xfe) === 0xfc) return false; // fc00::/7, RFC 4193
  return b[at] !== 0; // ::/8: unspecified, loopback, IPv4-mapped and -compatible
}

/**
 * Strict RFC 4291 §2.2 text, without zone and without prefix length.
 *
 * @returns 16 bytes of the caller's own, or undefined.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group of zeros.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const bytes = new Uint8Array(IPV6_LENGTH);
  head.forEach((group, i) => writeU16(bytes, 2 * i, group));
  tail.forEach((group, i) => writeU16(bytes, 2 * (8 - tail.length + i), group));
  return bytes;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const ipv4 = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(ipv4 >>> 16, ipv4 & 0xffff);
  }
  return groups;
}

/** RFC 5952 text of the 16 bytes at `at`: lower case, the longest run of zeros (first of equals) shortened. */
export function formatIpv6(b: Uint8Array, at = 0): string {
  const groups: string[] = [];
  let best = -1;
  let bestLength = 1; // one zero group is not shortened: RFC 5952 §4.2.2
  for (let i = 0; i < 8; i++) {
    groups.push(readU16(b, at + 2 * i).toString(16));
    let zeros = 0;
    while (i + zeros < 8 && readU16(b, at + 2 * (i + zeros)) === 0) zeros++;
    if (zeros > bestLength) [best, bestLength] = [i, zeros];
  }
  if (isIpv4Mapped(b, at)) {
    return `::ffff:${b[at + 12]}.${b[at + 13]}.${b[at + 14]}.${b[at + 15]}`; // RFC 5952 §5
  }
  if (best < 0) return groups.join(":");
  return `${groups.slice(0, best).join(":")}::${groups.slice(best + bestLength).join(":")}`;
}

/** ::ffff:0:0/96, RFC 4291 §2.5.5.2 */
export function isIpv4Mapped(b: Uint8Array, at: number): boolean {
  return (readU32(b, at) | readU32(b, at + 4)) === 0 && readU32(b, at + 8) === 0xffff;
}

/** An address range; bits of `bytes` past `length` are zero. */
export interface Ipv6Prefix {
  readonly bytes: Uint8Array;
  /** 0..128 */
  readonly length: number;
}

/** `address/length`; refuses host bits that are set, which are nearly always a slip. */
export function parseIpv6Prefix(text: string): Ipv6Prefix | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (match === null) return undefined;
  const bytes = parseIpv6(match[1]!);
  const length = Number(match[2]);
  if (bytes === undefined || length > 128) return undefined;
  for (let bit = length; bit < 128; bit++) {
    if (bytes[bit >> 3]! & (0x80 >> (bit & 7))) return undefined;
  }
  return { bytes, length };
}

/** The first address of a prefix that a host may have: the one before is all routers' (RFC 4291 §2.6.1). */
export function hostIn({ bytes, length }: Ipv6Prefix): Uint8Array {
  const address = bytes.slice();
  if (length < 8 * IPV6_LENGTH) address[IPV6_LENGTH - 1]! |= 1;
  return address;
}

export function formatIpv6Prefix(prefix: Ipv6Prefix): string {
  return `${formatIpv6(prefix.bytes)}/${prefix.length}`;
}

/** Whether the 16 bytes at `at` lie in `prefix`. */
export function inPrefix(b: Uint8Array, at: number, prefix: Ipv6Prefix): boolean {
  const whole = prefix.length >> 3;
  for (let i = 0; i < whole; i++) if (b[at + i] !== prefix.bytes[i]) return false;
  const rest = prefix.length & 7;
  if (rest === 0) return true;
  return ((b[at + whole]! ^ prefix.bytes[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}
