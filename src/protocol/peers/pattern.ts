import { readU32 } from "../wire/bytes.ts";
import { formatIpv4, parseIpv4 } from "../wire/ipv4.ts";
import {
  DESTINATION_AT,
  formatIpv6,
  formatIpv6Prefix,
  inPrefix,
  type Ipv6Prefix,
  parseIpv6,
  parseIpv6Prefix,
  SOURCE_AT,
} from "../wire/ipv6.ts";
import { isTeredo, mappedAddressOf, mappedPortOf } from "../wire/teredo_address.ts";

const ANY_PORT = 0;
const WHOLE_ADDRESS = 128;

/** Whose packets are meant: an IPv4 address and perhaps its port, or an IPv6 address or prefix. */
export type PeerPattern =
  | { readonly ipv4: number; /** 0: any */ readonly port: number }
  | { readonly ipv6: Ipv6Prefix };

/** `A.B.C.D`, `A.B.C.D:PORT`, an IPv6 address or `PREFIX/LENGTH`. */
export function parsePeerPattern(text: string): PeerPattern | undefined {
  const ipv6 = parseIpv6(text);
  if (ipv6 !== undefined) return { ipv6: { bytes: ipv6, length: WHOLE_ADDRESS } };
  const prefix = parseIpv6Prefix(text);
  if (prefix !== undefined) return { ipv6: prefix };
  const [, address, digits] = /^([0-9.]+)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  const ipv4 = parseIpv4(address ?? "");
  const port = Number(digits ?? ANY_PORT);
  return ipv4 === undefined || port > 0xffff ? undefined : { ipv4, port };
}

/** Text that {@link parsePeerPattern} reads as the same. */
export function formatPeerPattern(pattern: PeerPattern): string {
  if ("ipv6" in pattern) {
    const { ipv6 } = pattern;
    return ipv6.length === WHOLE_ADDRESS ? formatIpv6(ipv6.bytes) : formatIpv6Prefix(ipv6);
  }
  const address = formatIpv4(pattern.ipv4);
  return pattern.port === ANY_PORT ? address : `${address}:${pattern.port}`;
}

/** Tells the packets of a {@link PeerPattern}. A Teredo address stands for its mapping as well. */
export class PeerMatch {
  readonly #servicePrefix: number;
  readonly #ipv6: Ipv6Prefix | undefined;
  /** An IPv4 address, or -1 for none, and a port. */
  readonly #address: number;
  readonly #port: number;

  /** @param servicePrefix upper 32 bits of what is a Teredo address */
  constructor(pattern: PeerPattern, servicePrefix: number) {
    this.#servicePrefix = servicePrefix;
    this.#ipv6 = "ipv6" in pattern ? pattern.ipv6 : undefined;
    const [address, port] = mappingOf(pattern, servicePrefix);
    this.#address = address;
    this.#port = port;
  }

  /** Whether a datagram from or to this end is meant. */
  isEnd(address: number, port: number): boolean {
    return address === this.#address && (this.#port === ANY_PORT || port === this.#port);
  }

  /** Whether the IPv6 packet at `at` is meant, by its source or its destination. */
  isPacket(b: Uint8Array, at: number): boolean {
    return this.#isAddress(b, at + SOURCE_AT) || this.#isAddress(b, at + DESTINATION_AT);
  }

  #isAddress(b: Uint8Array, at: number): boolean {
    if (this.#ipv6 !== undefined) return inPrefix(b, at, this.#ipv6);
    return isTeredo(b, at, this.#servicePrefix) &&
      this.isEnd(mappedAddressOf(b, at), mappedPortOf(b, at));
  }
}

function mappingOf(pattern: PeerPattern, servicePrefix: number): [address: number, port: number] {
  if ("ipv4" in pattern) return [pattern.ipv4, pattern.port];
  const { bytes, length } = pattern.ipv6;
  const teredo = length === WHOLE_ADDRESS && readU32(bytes, 0) === servicePrefix;
  return teredo ? [mappedAddressOf(bytes, 0), mappedPortOf(bytes, 0)] : [-1, ANY_PORT];
}
