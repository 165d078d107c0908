import { BUBBLE_LENGTH, writeBubble, writeRouterSolicitation } from "#src/protocol/wire/build.ts";
import { copyBytes, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  parseIpv6,
  SOURCE_AT,
  writeIpv6Header,
} from "#src/protocol/wire/ipv6.ts";

export const UDP = 17;
export const ICMPV6 = 58;
export const ECHO_REQUEST = 128;
export const ECHO_REPLY = 129;

/** What a data packet asks of who gets it. */
export const REQUEST = 1;
export const REPLY = 2;
export const ONE_WAY = 3;

const LINK_LOCAL = parseIpv6("fe80::ffff:ffff:ffff")!;
/** As long as what `ping` sends. */
const PAYLOAD_LENGTH = 64;

function packet(next: number, from: Uint8Array, to: Uint8Array): Uint8Array {
  const b = new Uint8Array(IPV6_HEADER_LENGTH + PAYLOAD_LENGTH);
  writeIpv6Header(b, 0, PAYLOAD_LENGTH, next, 64);
  copyBytes(b, SOURCE_AT, from, 0, 16);
  copyBytes(b, DESTINATION_AT, to, 0, 16);
  return b;
}

/** A packet with a number by which it is known when it arrives. */
export function makeData(
  from: Uint8Array,
  to: Uint8Array,
  number: number,
  asks: number,
): Uint8Array {
  const b = packet(UDP, from, to);
  writeU32(b, IPV6_HEADER_LENGTH, number);
  b[IPV6_HEADER_LENGTH + 4] = asks;
  return b;
}

export function makeEcho(
  from: Uint8Array,
  to: Uint8Array,
  number: number,
  type: number,
): Uint8Array {
  const b = packet(ICMPV6, from, to);
  b[IPV6_HEADER_LENGTH] = type;
  writeU32(b, IPV6_HEADER_LENGTH + 4, number);
  writeU16(b, IPV6_HEADER_LENGTH + 2, payloadChecksum(b, 0));
  return b;
}

export function makeBubble(from: Uint8Array, to: Uint8Array): Uint8Array {
  const b = new Uint8Array(BUBBLE_LENGTH);
  writeBubble(b, 0, from, 0, to, 0);
  return b;
}

export function makeSolicitation(): Uint8Array {
  const b = new Uint8Array(48);
  writeRouterSolicitation(b, 0, LINK_LOCAL, 0);
  return b;
}

export function sourceOf(b: Uint8Array, at = 0): Uint8Array {
  return b.subarray(at + SOURCE_AT, at + SOURCE_AT + 16);
}

export function destinationOf(b: Uint8Array, at = 0): Uint8Array {
  return b.subarray(at + DESTINATION_AT, at + DESTINATION_AT + 16);
}

export function numberOf(b: Uint8Array, at = 0): number {
  return readU32(b, at + IPV6_HEADER_LENGTH);
}

export function echoNumberOf(b: Uint8Array, at = 0): number {
  return readU32(b, at + IPV6_HEADER_LENGTH + 4);
}

/** The address at `at` as the key of a Map. */
export function keyOf(b: Uint8Array, at = 0): string {
  let key = "";
  for (let i = at; i < at + 16; i += 2) key += String.fromCharCode((b[i]! << 8) | b[i + 1]!);
  return key;
}
