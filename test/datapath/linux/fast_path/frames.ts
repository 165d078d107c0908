import assert from "node:assert/strict";
import { readU16, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addBytes, finishChecksum, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { writeIpv6Header } from "#src/protocol/wire/ipv6.ts";
import { toHex } from "#test/protocol/vectors.ts";
import type { Random } from "#test/sim/prng.ts";

/** Ethernet frames as the programs of the fast path see them, byte by byte. */

export const ETHERNET = 14;
export const IPV4 = ETHERNET;
export const UDP = IPV4 + 20;
export const INNER = UDP + 8;

export const TCP_PROTOCOL = 6;
export const UDP_PROTOCOL = 17;
export const ICMPV6_PROTOCOL = 58;
/** Where the checksum of each is in its header, and how long that is at least. */
const TRANSPORTS: Readonly<Record<number, readonly [checksumAt: number, header: number]>> = {
  [TCP_PROTOCOL]: [16, 20],
  [UDP_PROTOCOL]: [6, 8],
  [ICMPV6_PROTOCOL]: [2, 8],
};

/** Offset of the transport's checksum from the start of the IPv6 packet. */
export const transportChecksumAt = (protocol: number): number => 40 + TRANSPORTS[protocol]![0];

/** An IPv6 packet whose checksum is right: a header of the transport, then `data` random bytes. */
export function makePacket(
  random: Random,
  protocol: number,
  from: Uint8Array,
  to: Uint8Array,
  data: number,
): Uint8Array {
  const [, header] = TRANSPORTS[protocol]!;
  const b = new Uint8Array(40 + header + data);
  writeIpv6Header(b, 0, header + data, protocol, random.pick([1, 2, 64, 255]));
  b[0]! |= random.below(16);
  b[1] = random.below(256);
  writeU16(b, 2, random.below(65_536));
  b.set(from, 8);
  b.set(to, 24);
  for (let i = 40; i < b.length; i++) b[i] = random.below(256);
  if (protocol === UDP_PROTOCOL) writeU16(b, 44, header + data);
  return finishTransport(b);
}

/** Makes the transport's checksum of an IPv6 packet right. 0 is no checksum of UDP. */
export function finishTransport(b: Uint8Array, at = 0): Uint8Array {
  const place = at + transportChecksumAt(b[at + 6]!);
  writeU16(b, place, 0);
  writeU16(b, place, payloadChecksum(b, at) || 0xffff);
  return b;
}

/** What a guest leaves in the place of a checksum: the folded sum of the pseudo-header. */
export function unfinishTransport(b: Uint8Array, at = 0): Uint8Array {
  const sum = addBytes(b, at + 8, 32, readU16(b, at + 4) + b[at + 6]!);
  writeU16(b, at + transportChecksumAt(b[at + 6]!), ~finishChecksum(sum) & 0xffff);
  return b;
}

export interface Ends {
  readonly source: number;
  readonly sourcePort: number;
  readonly destination: number;
  readonly destinationPort: number;
}

/** A datagram with `payload`, in an Ethernet frame to this host. All sums are right. */
export function datagramFrame(random: Random, ends: Ends, payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(INNER + payload.length);
  b.set([2, 0, 0, 0, 0, 1], 6);
  writeU16(b, 12, 0x0800);
  writeU16(b, IPV4, 0x4500 | (random.below(64) << 2)); // any DSCP
  writeU16(b, IPV4 + 2, b.length - IPV4);
  writeU16(b, IPV4 + 4, random.below(65_536));
  writeU16(b, IPV4 + 6, random.pick([0, 0x4000]));
  b[IPV4 + 8] = random.pick([1, 64, 255]);
  b[IPV4 + 9] = UDP_PROTOCOL;
  writeU32(b, IPV4 + 12, ends.source);
  writeU32(b, IPV4 + 16, ends.destination);
  writeU16(b, UDP, ends.sourcePort);
  writeU16(b, UDP + 2, ends.destinationPort);
  writeU16(b, UDP + 4, b.length - UDP);
  b.set(payload, INNER);
  finishIpv4(b);
  return finishUdp(b);
}

export function finishIpv4(b: Uint8Array): Uint8Array {
  writeU16(b, IPV4 + 10, 0);
  writeU16(b, IPV4 + 10, finishChecksum(addBytes(b, IPV4, 20, 0)));
  return b;
}

/** Sum of the pseudo-header. RFC 768 */
const pseudoSum = (b: Uint8Array): number =>
  addBytes(b, IPV4 + 12, 8, UDP_PROTOCOL + readU16(b, UDP + 4));

export function finishUdp(b: Uint8Array): Uint8Array {
  writeU16(b, UDP + 6, 0);
  writeU16(b, UDP + 6, udpRest(b) || 0xffff);
  return b;
}

export function unfinishUdp(b: Uint8Array): Uint8Array {
  writeU16(b, UDP + 6, ~finishChecksum(pseudoSum(b)) & 0xffff);
  return b;
}

/** 0 if the checksum over all of the datagram in a frame is right. */
export const udpRest = (b: Uint8Array): number =>
  finishChecksum(addBytes(b, UDP, b.length - UDP, pseudoSum(b)));

/** 0 if the checksum of the IPv4 header is. */
export const ipv4Rest = (b: Uint8Array): number => finishChecksum(addBytes(b, IPV4, 20, 0));

/** An IPv6 packet behind an Ethernet header. */
export function packetFrame(packet: Uint8Array): Uint8Array {
  const b = new Uint8Array(ETHERNET + packet.length);
  writeU16(b, 12, 0x86dd);
  b.set(packet, ETHERNET);
  return b;
}

export const endsOf = (b: Uint8Array): Ends => ({
  source: readU32(b, IPV4 + 12),
  sourcePort: readU16(b, UDP),
  destination: readU32(b, IPV4 + 16),
  destinationPort: readU16(b, UDP + 2),
});

/** As `assert.equal` of the bytes as hexadecimal digits, which are made only for a failure. */
export function assertBytes(got: Uint8Array, expected: Uint8Array, message: string): void {
  const isSame = got.length === expected.length && got.every((byte, i) => byte === expected[i]);
  if (!isSame) assert.equal(toHex(got), toHex(expected), message);
}
