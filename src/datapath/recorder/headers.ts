import { readU16 } from "#src/protocol/wire/bytes.ts";
import {
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  NEXT_HEADER_TCP,
  NEXT_HEADER_UDP,
  PAYLOAD_LENGTH_AT,
} from "#src/protocol/wire/ipv6.ts";
import { TCP_HEADER_LENGTH, tcpHeaderLength, UDP_HEADER_LENGTH } from "#src/segments/transport.ts";

const NEXT_HEADER_FRAGMENT = 44;
const FRAGMENT_HEADER_LENGTH = 8;
/** Type, code and checksum. RFC 4443 §2.1 */
const ICMPV6_HEADER_LENGTH = 4;
/** With what else stands before the data of messages that are known: identifier, MTU, flags. */
const ICMPV6_KNOWN_LENGTH = 8;

/**
 * How many bytes of the `length` bytes of an IPv6 packet at `at` are header: of IPv6, and of TCP, UDP,
 * ICMPv6 or a fragment right behind it. A multiple of 4, and 0 for what is no IPv6 packet.
 *
 * What a header that is cut off, or says nonsense of its own length, may hold is data, and none of it
 * counts; nor does a packet that says that it is longer, as text would.
 */
export function headerLength(b: Uint8Array, at: number, length: number): number {
  if (length < IPV6_HEADER_LENGTH || b[at]! >> 4 !== 6) return 0;
  const room = readU16(b, at + PAYLOAD_LENGTH_AT);
  if (room > length - IPV6_HEADER_LENGTH) return 0;
  return IPV6_HEADER_LENGTH + nextHeaderLength(b, at, room);
}

function nextHeaderLength(b: Uint8Array, at: number, room: number): number {
  switch (b[at + NEXT_HEADER_AT]) {
    case NEXT_HEADER_TCP:
      return room < TCP_HEADER_LENGTH ? 0 : tcpLength(b, at + IPV6_HEADER_LENGTH, room);
    case NEXT_HEADER_UDP:
      return room < UDP_HEADER_LENGTH ? 0 : UDP_HEADER_LENGTH;
    case NEXT_HEADER_ICMPV6:
      return icmpv6Length(b, at + IPV6_HEADER_LENGTH, room);
    case NEXT_HEADER_FRAGMENT:
      return room < FRAGMENT_HEADER_LENGTH ? 0 : FRAGMENT_HEADER_LENGTH;
    default:
      return 0;
  }
}

function tcpLength(b: Uint8Array, at: number, room: number): number {
  const length = tcpHeaderLength(b, at);
  return length < TCP_HEADER_LENGTH || length > room ? 0 : length;
}

function icmpv6Length(b: Uint8Array, at: number, room: number): number {
  if (room < ICMPV6_HEADER_LENGTH) return 0;
  return room >= ICMPV6_KNOWN_LENGTH && isKnown(b[at]!)
    ? ICMPV6_KNOWN_LENGTH
    : ICMPV6_HEADER_LENGTH;
}

/** Errors, echoes and neighbor discovery. RFC 4443, RFC 4861 */
function isKnown(type: number): boolean {
  return (type >= 1 && type <= 4) || type === 128 || type === 129 || (type >= 133 && type <= 137);
}
