import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { describePacket } from "#src/protocol/wire/describe.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { DISCOVERY_SOLICITATION, Trailers } from "#src/protocol/wire/trailers.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  formatIpv6,
  IPV6_HEADER_LENGTH,
  isBubble,
  NEXT_HEADER_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;

const IPV4_PROTOCOL_UDP = 17;
const UDP_HEADER_LENGTH = 8;

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
  const what = describePacket(b, 0, length);
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
  const what = describePacket(b, inner, datagram.ipv6Length) ??
    `IPv6 next header ${b[inner + NEXT_HEADER_AT]}`;
  const source = name(formatIpv6(b, inner + SOURCE_AT));
  const destination = name(formatIpv6(b, inner + DESTINATION_AT));
  parts.push(`${what} ${source} > ${destination}`);
  // Behind data, in a super-datagram, there are further packets.
  if (isBubble(b, inner)) parts.push(...describeTrailers(b, end, name));
  return parts.join(" | ");
}

const trailers = new Trailers();

/** RFC 6081 §4 */
function describeTrailers(b: Uint8Array, end: number, name: Name): string[] {
  const drop = trailers.parse(b, datagram.trailersAt, end);
  if (drop !== Drop.None) return [`trailers are wrong (${DROP_NAMES[drop]})`];
  const { nonceAt, alternates, discovery, randomPort } = trailers;
  const said: string[] = [];
  if (nonceAt >= 0) said.push(`nonce ${readU32(b, nonceAt).toString(16).padStart(8, "0")}`);
  if (randomPort !== 0) said.push(`port ${randomPort}`);
  for (let i = 0; i < alternates; i++) {
    const address = name(formatIpv4(trailers.alternateAddress(b, i)));
    said.push(`or ${address}:${trailers.alternatePort(b, i)}`);
  }
  if (discovery >= 0) said.push(discovery === DISCOVERY_SOLICITATION ? "are you there" : "I am");
  return said;
}
