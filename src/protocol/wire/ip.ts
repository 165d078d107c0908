import { readU32, writeU32 } from "./bytes.ts";
import { formatIpv4, parseIpv4 } from "./ipv4.ts";
import { formatIpv6, IPV6_LENGTH, isIpv4Mapped, isLoopback, parseIpv6 } from "./ipv6.ts";

/**
 * Addresses of either kind as 16 bytes, an IPv4 address as the mapped one: so that they are compared
 * by what they are and not by how somebody wrote them.
 */
export function parseIp(text: string): Uint8Array | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 === undefined) return parseIpv6(text);
  const bytes = new Uint8Array(IPV6_LENGTH);
  writeU32(bytes, 8, 0xffff);
  writeU32(bytes, 12, ipv4);
  return bytes;
}

/** The one way to write it: dotted, or RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  return isIpv4Mapped(bytes, 0) ? formatIpv4(readU32(bytes, 12)) : formatIpv6(bytes);
}

/** 127.0.0.0/8 and ::1. */
export function isLoopbackIp(bytes: Uint8Array): boolean {
  return isIpv4Mapped(bytes, 0) ? bytes[12] === 127 : isLoopback(bytes, 0);
}
