import { writeU32 } from "#src/protocol/wire/bytes.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_LENGTH, parseIpv6 } from "#src/protocol/wire/ipv6.ts";

/**
 * Addresses that stand for the Internet in look-ups: of root name servers (A, F, K, M), whose networks
 * are in every full routing table, and of which one default route covers all. None is sent a packet.
 */
export const ROOT_SERVERS_4: readonly number[] = [
  "198.41.0.4",
  "192.5.5.241",
  "193.0.14.129",
  "202.12.27.33",
].map((text) => parseIpv4(text)!);

export const ROOT_SERVERS_6: readonly Uint8Array[] = [
  "2001:503:ba3e::2:30",
  "2001:500:2f::f",
  "2001:7fd::1",
  "2001:dc3::35",
].map((text) => parseIpv6(text)!);

/** In network byte order. */
export function ipv4Bytes(address: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, address);
  return bytes;
}

/** A client's address, as far as routing is concerned. @param prefix upper 32 bits of the service prefix */
export function clientAddress(prefix: number): Uint8Array {
  const bytes = new Uint8Array(IPV6_LENGTH);
  writeU32(bytes, 0, prefix);
  bytes[IPV6_LENGTH - 1] = 1;
  return bytes;
}
