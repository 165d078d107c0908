import { copyBytes, writeU16 } from "#src/protocol/bytes.ts";
import { payloadChecksum } from "#src/protocol/checksum.ts";
import { DESTINATION_AT, parseIpv6, SOURCE_AT, writeIpv6Header } from "#src/protocol/ipv6.ts";

const ICMPV6 = 58;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** An address as text, or as its 16 bytes. */
export type Address = string | Uint8Array;

export function addressBytes(address: Address): Uint8Array {
  const bytes = typeof address === "string" ? parseIpv6(address) : address;
  if (bytes === undefined) throw new Error(`Not an address: ${address}`);
  return bytes;
}

/** A whole IPv6 packet. */
export function packet(
  nextHeader: number,
  from: Address,
  to: Address,
  payload: Uint8Array = new Uint8Array(0),
  hopLimit = 64,
): Uint8Array {
  const b = new Uint8Array(40);
  writeIpv6Header(b, 0, payload.length, nextHeader, hopLimit);
  copyBytes(b, SOURCE_AT, addressBytes(from), 0, 16);
  copyBytes(b, DESTINATION_AT, addressBytes(to), 0, 16);
  return concat(b, payload);
}

/** An IPv6 packet with an ICMPv6 message whose checksum is right; `body` follows the checksum. */
export function icmpv6(
  type: number,
  from: Address,
  to: Address,
  body: Uint8Array = new Uint8Array(4),
  hopLimit = 64,
  code = 0,
): Uint8Array {
  const b = packet(ICMPV6, from, to, concat(Uint8Array.of(type, code, 0, 0), body), hopLimit);
  return fixChecksum(b);
}

/** Makes the ICMPv6 checksum of the packet at `at` right again. */
export function fixChecksum(b: Uint8Array, at = 0): Uint8Array {
  writeU16(b, at + 42, 0);
  writeU16(b, at + 42, payloadChecksum(b, at));
  return b;
}
