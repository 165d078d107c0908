import { readU16, readU32 } from "./bytes.ts";
import {
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_ROUTER_ADVERTISEMENT,
  ICMPV6_ROUTER_SOLICITATION,
  ICMPV6_UNREACHABLE,
} from "./build.ts";
import {
  IPV6_HEADER_LENGTH,
  isBubble,
  isLinkLocal,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  NEXT_HEADER_TCP,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "./ipv6.ts";
import { hasConeFlag } from "./teredo_address.ts";

const ICMPV6_PACKET_TOO_BIG = 2;
const ICMPV6_TIME_EXCEEDED = 3;

/**
 * What the IPv6 packet of `length` bytes at `at` is, in a word or a few; undefined when it is nothing to
 * tell of. Its headers are read, and 8 bytes of ICMPv6.
 */
export function describePacket(b: Uint8Array, at: number, length: number): string | undefined {
  if (isBubble(b, at)) return "bubble";
  const next = b[at + NEXT_HEADER_AT]!;
  const payload = at + IPV6_HEADER_LENGTH;
  if (next === NEXT_HEADER_TCP) return `TCP, ${readU16(b, at + PAYLOAD_LENGTH_AT)} bytes`;
  if (next !== NEXT_HEADER_ICMPV6 || length < IPV6_HEADER_LENGTH + 8) return undefined;
  const number = () => readU16(b, payload + 6);
  switch (b[payload]) {
    case ICMPV6_ECHO_REQUEST:
      return `echo request ${number()}`;
    case ICMPV6_ECHO_REPLY:
      return `echo reply ${number()}`;
    case ICMPV6_ROUTER_SOLICITATION:
      if (!isLinkLocal(b, at + SOURCE_AT)) return undefined;
      return `router solicitation (cone bit ${hasConeFlag(b, at + SOURCE_AT) ? 1 : 0})`;
    case ICMPV6_ROUTER_ADVERTISEMENT:
      return "router advertisement";
    case ICMPV6_UNREACHABLE:
      return `unreachable, code ${b[payload + 1]}`;
    case ICMPV6_PACKET_TOO_BIG:
      return `packet too big, MTU ${readU32(b, payload + 4)}`;
    case ICMPV6_TIME_EXCEEDED:
      return "time exceeded";
    default:
      return undefined;
  }
}
