import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, isLinkLocal, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";

/** An address as people write it: of 4 or 16 bytes. */
export function parseAddress(text: string): Uint8Array | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 === undefined) return parseIpv6(text);
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, ipv4);
  return bytes;
}

export function formatAddress(bytes: Uint8Array): string {
  return bytes.length === 4 ? formatIpv4(readU32(bytes, 0)) : formatIpv6(bytes);
}

/** getnameinfo(3): a link-local address with its zone. */
export function withZone(bytes: Uint8Array, interfaceName: string): string {
  const isLocal = bytes.length === 16 && isLinkLocal(bytes, 0);
  return formatAddress(bytes) + (isLocal ? `%${interfaceName}` : "");
}

/** `fe80::1%tun0` to its two parts. */
export function splitZone(text: string): { address: string; zone: string | undefined } {
  const [address, zone] = text.split("%");
  return { address: address!, zone };
}

/** Netmask of a prefix: 4 or 16 bytes. */
export function maskBytes(size: number, length: number): Uint8Array {
  return Uint8Array.from(
    { length: size },
    (_, i) => (0xff00 >> Math.max(0, Math.min(8, length - 8 * i))) & 0xff,
  );
}

/** Bits that are set from the start on; undefined when they have gaps. */
export function lengthOfMask(mask: Uint8Array): number | undefined {
  let length = 0;
  while (length < 8 * mask.length && ((mask[length >> 3]! << (length & 7)) & 0x80) !== 0) length++;
  const isWhole = maskBytes(mask.length, length).every((byte, i) => byte === mask[i]);
  return isWhole ? length : undefined;
}
