import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { concat, packet } from "#test/protocol/packets.ts";

/** What a TCP segment is made of; what is left out is the same for all. */
export interface TcpParts {
  readonly from?: string;
  readonly to?: string;
  readonly ports?: readonly [source: number, destination: number];
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly urgentPointer?: number;
  /** A multiple of 4, at most 40 bytes. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly hopLimit?: number;
}

export const ACK = 0x10;
export const FROM = "2001:0:c633:6401:0:b5a6:3f57:fe9d";
export const TO = "2001:db8:1::2";

/** `length` bytes that depend on `seed`. */
export function bytes(length: number, seed = 1): Uint8Array {
  const made = new Uint8Array(length);
  for (let i = 0; i < length; i++) made[i] = Math.imul(i + 7 * seed, 2_654_435_761) >>> 21;
  return made;
}

/** A whole IPv6 packet with a TCP segment and its right checksum. */
export function tcp(parts: TcpParts = {}): Uint8Array {
  const options = parts.options ?? new Uint8Array(0);
  const [source, destination] = parts.ports ?? [40_000, 443];
  const header = new Uint8Array(20);
  writeU16(header, 0, source);
  writeU16(header, 2, destination);
  writeU32(header, 4, parts.sequence ?? 1_000);
  writeU32(header, 8, parts.acknowledgment ?? 77_777);
  header[12] = (20 + options.length) << 2;
  header[13] = parts.flags ?? ACK;
  writeU16(header, 14, parts.window ?? 512);
  writeU16(header, 18, parts.urgentPointer ?? 0);
  return finished(NEXT_HEADER_TCP, parts, concat(header, options, parts.payload ?? bytes(100)), 16);
}

/** A whole IPv6 packet with a UDP datagram and its right checksum. */
export function udp(parts: TcpParts = {}): Uint8Array {
  const payload = parts.payload ?? bytes(100);
  const [source, destination] = parts.ports ?? [40_000, 443];
  const header = new Uint8Array(8);
  writeU16(header, 0, source);
  writeU16(header, 2, destination);
  writeU16(header, 4, 8 + payload.length);
  return finished(NEXT_HEADER_UDP, parts, concat(header, payload), 6);
}

function finished(
  protocol: number,
  parts: TcpParts,
  payload: Uint8Array,
  field: number,
): Uint8Array {
  const b = packet(protocol, parts.from ?? FROM, parts.to ?? TO, payload, parts.hopLimit ?? 64);
  writeU32(b, 0, 0x60000000 + ((parts.trafficClass ?? 0) << 20) + (parts.flowLabel ?? 0));
  return sealed(b, 40, field);
}

/** Makes the checksum right, whose field is at `field` of the transport header. */
export function sealed(b: Uint8Array, transportAt: number, field: number): Uint8Array {
  writeU16(b, transportAt + field, 0);
  const checksum = payloadChecksum(b, 0);
  writeU16(b, transportAt + field, checksum === 0 && b[6] === NEXT_HEADER_UDP ? 0xffff : checksum);
  return b;
}

/** The packet with extension headers before its transport header, whose length they do not change. */
export function withExtensions(
  b: Uint8Array,
  nextHeader: number,
  extensions: Uint8Array,
): Uint8Array {
  const longer = concat(b.subarray(0, 40), extensions, b.subarray(40));
  longer[6] = nextHeader;
  writeU16(longer, 4, longer.length - 40);
  return longer;
}
