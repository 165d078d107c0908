import { readU16, readU32, writeU16, writeU32 } from "./bytes.ts";
import { IPV6_LENGTH, type Ipv6Prefix } from "./ipv6.ts";

/**
 * Teredo address, 16 bytes (RFC 4380 §4, RFC 5991 §3.1):
 *
 *     0 service prefix (4)   4 server IPv4 address (4)   8 flags (2)
 *    10 mapped port, obfuscated (2)                     12 mapped address, obfuscated (4)
 */
const SERVER_AT = 4;
const FLAGS_AT = 8;
export const MAPPED_PORT_AT = 10;
export const MAPPED_ADDRESS_AT = 12;

/** The upper 32 bits of 2001::/32. RFC 4380 §2.6 */
export const SERVICE_PREFIX = 0x20010000;
/** UDP port where servers wait. RFC 4380 §2.7 */
export const TEREDO_PORT = 3544;
/** Cone bit of the flags. Relays ignore it: RFC 5991 §3.2 */
export const CONE_FLAG = 0x8000;
/** The 12 flag bits that clients draw at random. RFC 5991 §3.1 */
export const RANDOM_FLAGS = 0x3cff;

export interface TeredoAddress {
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  readonly serverAddress: number;
  readonly flags: number;
  readonly mappedAddress: number;
  readonly mappedPort: number;
}

/** The range of addresses behind the upper 32 bits of a service prefix. */
export function servicePrefixOf(prefix: number): Ipv6Prefix {
  const bytes = new Uint8Array(IPV6_LENGTH);
  writeU32(bytes, 0, prefix);
  return { bytes, length: 32 };
}

/** Whether the 16 bytes at `at` lie in the service prefix. */
export function isTeredo(b: Uint8Array, at: number, prefix: number): boolean {
  return readU32(b, at) === prefix;
}

export function serverAddressOf(b: Uint8Array, at: number): number {
  return readU32(b, at + SERVER_AT);
}

export function flagsOf(b: Uint8Array, at: number): number {
  return readU16(b, at + FLAGS_AT);
}

/** Cone bit of a Teredo or link-local address. It is all a server may read of an RS source. */
export function hasConeFlag(b: Uint8Array, at: number): boolean {
  return (b[at + FLAGS_AT]! & 0x80) !== 0;
}

export function mappedPortOf(b: Uint8Array, at: number): number {
  return readU16(b, at + MAPPED_PORT_AT) ^ 0xffff;
}

export function mappedAddressOf(b: Uint8Array, at: number): number {
  return ~readU32(b, at + MAPPED_ADDRESS_AT) >>> 0;
}

/** Whether the embedded mapping is exactly `address`:`port`. RFC 4380 §5.2.3 case 3, §5.4.2 */
export function hasMapping(b: Uint8Array, at: number, address: number, port: number): boolean {
  return mappedAddressOf(b, at) === address && mappedPortOf(b, at) === port;
}

/** Writes 16 bytes at `at`. */
export function writeTeredoAddress(b: Uint8Array, at: number, address: TeredoAddress): void {
  writeU32(b, at, address.prefix);
  writeU32(b, at + SERVER_AT, address.serverAddress);
  writeNodeIdentifier(b, at, address.flags, address.mappedAddress, address.mappedPort);
}

/** Link-local address with the same lower 64 bits: fe80:: + flags, port, address. RFC 4380 §4 */
export function writeLinkLocal(
  b: Uint8Array,
  at: number,
  flags: number,
  address: number,
  port: number,
): void {
  writeU32(b, at, 0xfe800000);
  writeU32(b, at + SERVER_AT, 0);
  writeNodeIdentifier(b, at, flags, address, port);
}

function writeNodeIdentifier(
  b: Uint8Array,
  at: number,
  flags: number,
  address: number,
  port: number,
): void {
  writeU16(b, at + FLAGS_AT, flags);
  writeU16(b, at + MAPPED_PORT_AT, port ^ 0xffff);
  writeU32(b, at + MAPPED_ADDRESS_AT, ~address >>> 0);
}

/** Splits 16 bytes into their fields; the prefix is reported, not checked. */
export function readTeredoAddress(b: Uint8Array, at = 0): TeredoAddress {
  return {
    prefix: readU32(b, at),
    serverAddress: serverAddressOf(b, at),
    flags: flagsOf(b, at),
    mappedAddress: mappedAddressOf(b, at),
    mappedPort: mappedPortOf(b, at),
  };
}

/** A Teredo address in 16 bytes of its own. */
export function toBytes(address: TeredoAddress): Uint8Array {
  const bytes = new Uint8Array(IPV6_LENGTH);
  writeTeredoAddress(bytes, 0, address);
  return bytes;
}
