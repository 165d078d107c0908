/** IPv4 addresses as unsigned 32-bit numbers in host order: 192.0.2.1 is 0xc0000201. */

/**
 * Strict dotted decimal: four numbers 0..255, no leading zero, nothing else.
 *
 * @returns undefined for any other text; `inet_aton` shorthand (`10.1`), octal and hexadecimal are
 * refused, because a filter that reads an address otherwise than its author meant is a hole.
 */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i]!;
    const octet = Number(digits);
    if (octet > 255 || (digits.length > 1 && digits.startsWith("0"))) return undefined;
    address = address * 256 + octet;
  }
  return address;
}

/** `address/length`; refuses host bits that are set, as `parseIpv6Prefix` does. */
export function parseIpv4Prefix(
  text: string,
): { readonly address: number; /** 0 to 32 */ readonly length: number } | undefined {
  const [, first, digits] = /^([^/]+)\/(0|[1-9]\d?)$/.exec(text) ?? [];
  const address = parseIpv4(first ?? "");
  const length = Number(digits);
  if (address === undefined || length > 32) return undefined;
  return address % 2 ** (32 - length) === 0 ? { address, length } : undefined;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/**
 * Whether an IPv4 address may be a peer's, by the list of RFC 4380 §5.2.4.
 *
 * Directed broadcasts depend on the host's interfaces: `Broadcasts` knows them.
 *
 * @param refuseReserved also refuse what was reserved after the RFC was written
 * ({@link isLaterReserved}).
 */
export function isGlobalUnicast(address: number, refuseReserved: boolean): boolean {
  switch (address >>> 24) {
    case 0: // 0.0.0.0/8
    case 10: // 10.0.0.0/8
    case 127: // 127.0.0.0/8
      return false;
    case 169:
      if (address >>> 16 === 0xa9fe) return false; // 169.254.0.0/16
      break;
    case 172:
      if (address >>> 20 === 0xac1) return false; // 172.16.0.0/12
      break;
    case 192:
      if (address >>> 16 === 0xc0a8) return false; // 192.168.0.0/16
      if (address >>> 8 === 0xc05863) return false; // 192.88.99.0/24, 6to4 relays
      break;
  }
  if (address >>> 28 === 0xe || address === 0xffffffff) return false; // 224.0.0.0/4, broadcast
  return !(refuseReserved && isLaterReserved(address));
}

/**
 * Ranges that RFC 4380 could not know of: shared address space (RFC 6598), documentation
 * (RFC 5737), benchmarking (RFC 2544), protocol assignments (RFC 6890) and 240.0.0.0/4.
 */
export function isLaterReserved(address: number): boolean {
  return address >>> 22 === 0x64400000 >>> 22 || // 100.64.0.0/10
    address >>> 8 === 0xc00000 || // 192.0.0.0/24
    address >>> 8 === 0xc00002 || // 192.0.2.0/24
    address >>> 8 === 0xc63364 || // 198.51.100.0/24
    address >>> 8 === 0xcb0071 || // 203.0.113.0/24
    address >>> 17 === 0xc6120000 >>> 17 || // 198.18.0.0/15
    address >>> 28 === 0xf; // 240.0.0.0/4
}
