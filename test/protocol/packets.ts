import { writeAuthentication, writeOrigin } from "#src/protocol/wire/build.ts";
import { copyBytes, writeU16 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { DESTINATION_AT, parseIpv6, SOURCE_AT, writeIpv6Header } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { NONCE, SERVER } from "./vectors.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";

const ICMPV6 = 58;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
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

/** A Teredo address of a client of `server`. */
export function teredo(mappedAddress: number, mappedPort: number, server = SERVER): Uint8Array {
  const flags = 0;
  return toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: server,
    flags,
    mappedAddress,
    mappedPort,
  });
}

export function bubble(from: Address, to: Address): Uint8Array {
  return packet(59, from, to);
}

export function origin(address: number, port: number): Uint8Array {
  const b = new Uint8Array(8);
  writeOrigin(b, 0, address, port);
  return b;
}

/** An authentication with a nonce and neither identifier nor value. */
export function nonceOnly(): Uint8Array {
  const b = new Uint8Array(13);
  const empty = new Uint8Array(0);
  writeAuthentication(b, 0, empty, empty, NONCE, 0, 0);
  return b;
}

/** A copy of `bytes` with one byte changed. */
export function change(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

export function ip4(text: string): number {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`Not an address: ${text}`);
  return address;
}

/** All of `bytes`, or `length` of them from `at`, as it comes from `address`:`port` to our `local`. */
export function arrival(
  bytes: Uint8Array,
  address: number,
  port: number,
  local = 0,
  at = 0,
  length = bytes.length,
): UdpDatagram {
  const datagram = new UdpDatagram();
  datagram.setPayload(bytes, at, length);
  datagram.setEnds(address, port, local);
  return datagram;
}
