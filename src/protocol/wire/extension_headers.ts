import { readU16 } from "./bytes.ts";
import { IPV6_HEADER_LENGTH, NEXT_HEADER_AT, NEXT_HEADER_ICMPV6 } from "./ipv6.ts";

/** Extension headers of an IPv6 packet. RFC 8200 §4 */

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION_HEADER = 51;
const DESTINATION_OPTIONS = 60;
/** More extension headers than any honest packet has. */
const MAX_EXTENSION_HEADERS = 8;
const UNKNOWN = -1;
/** In a routing header, behind its length. */
const ROUTING_TYPE_AT = 2;

/** ICMPv6 type behind any extension headers; undefined: no ICMPv6; -1: it cannot be told. */
export function icmpv6TypeOf(b: Uint8Array, at: number, length: number): number | undefined {
  const end = at + length;
  let next = b[at + NEXT_HEADER_AT]!;
  at += IPV6_HEADER_LENGTH;
  for (let i = 0; i < MAX_EXTENSION_HEADERS; i++) {
    if (next === NEXT_HEADER_ICMPV6) return at < end ? b[at]! : UNKNOWN;
    if (!isExtensionHeader(next)) return undefined;
    if (end - at < 8) return UNKNOWN;
    // A later fragment starts amid its payload, where nothing can be told from.
    if (next === FRAGMENT && (readU16(b, at + 2) & 0xfff8) !== 0) return UNKNOWN;
    const headerLength = extensionLength(next, b[at + 1]!);
    next = b[at]!;
    at += headerLength;
  }
  return UNKNOWN;
}

function isExtensionHeader(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === FRAGMENT ||
    next === AUTHENTICATION_HEADER || next === DESTINATION_OPTIONS;
}

/** RFC 8200 §4.2, §4.5; RFC 4302 §2.2 */
function extensionLength(next: number, field: number): number {
  if (next === FRAGMENT) return 8;
  return next === AUTHENTICATION_HEADER ? 4 * field + 8 : 8 * field + 8;
}

/**
 * Whether a routing header of type 0 is in the `length` bytes at `at`: it lets a sender choose by which
 * hosts a packet goes, and how often. RFC 5095
 */
export function hasRoutingHeader0(b: Uint8Array, at: number, length: number): boolean {
  const end = at + length;
  let next = b[at + NEXT_HEADER_AT]!;
  at += IPV6_HEADER_LENGTH;
  for (let i = 0; i < MAX_EXTENSION_HEADERS && isExtensionHeader(next) && end - at >= 8; i++) {
    if (next === ROUTING && b[at + ROUTING_TYPE_AT] === 0) return true;
    if (next === FRAGMENT && (readU16(b, at + 2) & 0xfff8) !== 0) return false;
    const headerLength = extensionLength(next, b[at + 1]!);
    next = b[at]!;
    at += headerLength;
  }
  return false;
}
