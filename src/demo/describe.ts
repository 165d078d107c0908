import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import {
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_ROUTER_ADVERTISEMENT,
  ICMPV6_ROUTER_SOLICITATION,
  ICMPV6_UNREACHABLE,
} from "#src/protocol/wire/build.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  formatIpv6,
  IPV6_HEADER_LENGTH,
  isBubble,
  isLinkLocal,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { hasConeFlag } from "#src/protocol/wire/teredo_address.ts";

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;

const IPV4_PROTOCOL_UDP = 17;
const UDP_HEADER_LENGTH = 8;
const ICMPV6_PACKET_TOO_BIG = 2;
const ICMPV6_TIME_EXCEEDED = 3;
const TCP = 6;

/** What a line says, in columns. */
export interface Described {
  readonly from: string;
  readonly to: string;
  readonly what: string;
}

/** Puts a name where an address has one. */
export type Name = (address: string) => string;

/**
 * Reads one packet from the wire.
 *
 * @param b the packet from its IP header on
 * @returns undefined for what is no Teredo and no ping: neighbor discovery, ARP
 */
export function describe(
  b: Uint8Array,
  length: number,
  ethertype: number,
  name: Name,
): Described | undefined {
  if (ethertype === ETHERTYPE_IPV4) return describeUdp(b, length, name);
  if (ethertype !== ETHERTYPE_IPV6 || length < IPV6_HEADER_LENGTH) return undefined;
  const what = describePayload(b, 0, length);
  if (what === undefined) return undefined;
  return {
    from: name(formatIpv6(b, SOURCE_AT)),
    to: name(formatIpv6(b, DESTINATION_AT)),
    what: `IPv6: ${what}`,
  };
}

function describeUdp(b: Uint8Array, length: number, name: Name): Described | undefined {
  const header = (b[0]! & 15) * 4;
  if (b[9] !== IPV4_PROTOCOL_UDP || length < header + UDP_HEADER_LENGTH) return undefined;
  const end = header + readU16(b, header + 4);
  const endpoint = (addressAt: number, portAt: number) =>
    `${name(formatIpv4(readU32(b, addressAt)))}:${readU16(b, portAt)}`;
  return {
    from: endpoint(12, header),
    to: endpoint(16, header + 2),
    what: describeTeredo(b, header + UDP_HEADER_LENGTH, Math.min(end, length), name),
  };
}

const datagram = new TeredoDatagram();

function describeTeredo(b: Uint8Array, at: number, end: number, name: Name): string {
  const drop = datagram.parse(b, at, end - at);
  if (drop !== Drop.None) return `not Teredo (${DROP_NAMES[drop]})`;
  const parts: string[] = [];
  if (datagram.authenticationAt >= 0) parts.push("nonce");
  if (datagram.originAt >= 0) {
    parts.push(`origin ${name(formatIpv4(datagram.originAddress))}:${datagram.originPort}`);
  }
  const inner = datagram.ipv6At;
  const what = describePayload(b, inner, datagram.ipv6Length) ??
    `IPv6 next header ${b[inner + NEXT_HEADER_AT]}`;
  const source = name(formatIpv6(b, inner + SOURCE_AT));
  const destination = name(formatIpv6(b, inner + DESTINATION_AT));
  parts.push(`${what} ${source} > ${destination}`);
  return parts.join(" | ");
}

/** The IPv6 packet of `length` bytes at `at`; undefined when it is nothing to tell of. */
function describePayload(b: Uint8Array, at: number, length: number): string | undefined {
  if (isBubble(b, at)) return "bubble";
  const next = b[at + NEXT_HEADER_AT]!;
  const payload = at + IPV6_HEADER_LENGTH;
  if (next === TCP) return `TCP, ${readU16(b, at + PAYLOAD_LENGTH_AT)} bytes`;
  if (next !== NEXT_HEADER_ICMPV6 || length < IPV6_HEADER_LENGTH + 8) return undefined;
  const number = () => readU16(b, payload + 6);
  switch (b[payload]) {
    case ICMPV6_ECHO_REQUEST:
      return `echo request ${number()}`;
    case ICMPV6_ECHO_REPLY:
      return `echo reply ${number()}`;
    case ICMPV6_ROUTER_SOLICITATION:
      if (!isLinkLocal(b, at + SOURCE_AT)) return undefined;
      return `router solicitation, cone bit ${hasConeFlag(b, at + SOURCE_AT) ? 1 : 0},`;
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
