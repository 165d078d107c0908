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

/** Addresses from the first to the last, both included. */
export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(prefix: string): Ipv4Range {
  const { address, length } = parseIpv4Prefix(prefix)!;
  return { first: address, last: address + 2 ** (32 - length) - 1 };
}

/** The list of RFC 4380 §5.2.4; of 192.88.99.0/24 are 6to4 relays. */
const NOT_UNICAST = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "224.0.0.0/4",
  "255.255.255.255/32",
].map(rangeOf);

/**
 * Ranges that RFC 4380 could not know of: shared address space (RFC 6598), protocol assignments
 * (RFC 6890), documentation (RFC 5737), benchmarking (RFC 2544) and what is still reserved.
 */
const LATER_RESERVED = [
  "100.64.0.0/10",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "240.0.0.0/4",
].map(rangeOf);

/** Ranges by the first octet of what lies in them: few have any, and every packet asks. */
type ByOctet = readonly (readonly Ipv4Range[])[];

function byOctet(ranges: readonly Ipv4Range[]): ByOctet {
  return Array.from(
    { length: 256 },
    (_, octet) => ranges.filter(({ first, last }) => first >>> 24 <= octet && octet <= last >>> 24),
  );
}

const NOT_UNICAST_BY_OCTET = byOctet(NOT_UNICAST);
const LATER_RESERVED_BY_OCTET = byOctet(LATER_RESERVED);

function isIn(ranges: ByOctet, address: number): boolean {
  const near = ranges[address >>> 24]!;
  for (let i = 0; i < near.length; i++) {
    const { first, last } = near[i]!;
    if (first <= address && address <= last) return true;
  }
  return false;
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
  return !isIn(NOT_UNICAST_BY_OCTET, address) && !(refuseReserved && isLaterReserved(address));
}

/** All that {@link isGlobalUnicast} says no to. */
export function notGlobalUnicast(refuseReserved: boolean): readonly Ipv4Range[] {
  return refuseReserved ? [...NOT_UNICAST, ...LATER_RESERVED] : NOT_UNICAST;
}

export function isLaterReserved(address: number): boolean {
  return isIn(LATER_RESERVED_BY_OCTET, address);
}

/**
 * A host's address, private or not: neither 0/8, nor multicast, nor broadcast; loopback can only be an
 * attempt at mischief.
 */
export function isUnicast(address: number): boolean {
  const high = address >>> 24;
  return high !== 0 && high !== 127 && high < 224;
}
