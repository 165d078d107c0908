import { parseIpv4, parseIpv4Prefix } from "../wire/ipv4.ts";
import { inPrefix, IPV6_LENGTH, parseIpv6, parseIpv6Prefix } from "../wire/ipv6.ts";
import { mappedAddressOf, mappedPortOf } from "../wire/teredo_address.ts";
import type { PeerId } from "./index.ts";
import type { Peers } from "./table.ts";

const ANY_PORT = 0;
const IPV4_BITS = 32;

/** Which peers are asked for: those whose Teredo address, or whose mapping, lies in a prefix. */
export type PeerQuery =
  | { readonly ipv6: Uint8Array; /** 0 to 128 */ readonly length: number }
  | {
    readonly ipv4: number;
    /** 0 to 32 */
    readonly length: number;
    /** 0: any */
    readonly port: number;
  };

/** All of them. */
export const ANY_PEER: PeerQuery = { ipv6: new Uint8Array(IPV6_LENGTH), length: 0 };

/** `A.B.C.D`, `A.B.C.D:PORT`, `A.B.C.D/LENGTH`, an IPv6 address or `PREFIX/LENGTH`. */
export function parsePeerQuery(text: string): PeerQuery | undefined {
  const ipv6 = parseIpv6(text);
  if (ipv6 !== undefined) return { ipv6, length: 8 * IPV6_LENGTH };
  const prefix6 = parseIpv6Prefix(text);
  if (prefix6 !== undefined) return { ipv6: prefix6.bytes, length: prefix6.length };
  const prefix4 = parseIpv4Prefix(text);
  if (prefix4 !== undefined) {
    return { ipv4: prefix4.address, length: prefix4.length, port: ANY_PORT };
  }
  const [, address, digits] = /^([0-9.]+)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  const ipv4 = parseIpv4(address ?? "");
  const port = Number(digits ?? ANY_PORT);
  return ipv4 === undefined || port > 0xffff ? undefined : { ipv4, length: IPV4_BITS, port };
}

/** Tells the peers of a {@link PeerQuery}. Made once; to ask costs no allocation. */
export class PeerSearch {
  readonly #prefix = { bytes: new Uint8Array(IPV6_LENGTH), length: 0 };
  readonly #address = new Uint8Array(IPV6_LENGTH);
  #isIpv4 = false;
  #ipv4 = 0;
  #mask = 0;
  #port = ANY_PORT;

  askIpv6(bytes: Uint8Array, length: number): void {
    this.#isIpv4 = false;
    this.#prefix.bytes.set(bytes);
    this.#prefix.length = length;
  }

  /** @param port 0: any */
  askIpv4(address: number, length: number, port: number): void {
    this.#isIpv4 = true;
    // A shift counts modulo 32.
    this.#mask = length === 0 ? 0 : -1 << (IPV4_BITS - length);
    this.#ipv4 = address & this.#mask;
    this.#port = port;
  }

  /** The one entry that can match, where a whole Teredo address is asked for. */
  only(peers: Peers): PeerId | undefined {
    const { bytes, length } = this.#prefix;
    return this.#isIpv4 || length < 8 * IPV6_LENGTH ? undefined : peers.find(bytes, 0);
  }

  matches(peers: Peers, p: PeerId): boolean {
    const address = this.#address;
    if (this.#isIpv4 && this.#isMapping(peers.mappedAddress(p), peers.mappedPort(p))) return true;
    peers.writeAddress(p, address, 0);
    if (!this.#isIpv4) return inPrefix(address, 0, this.#prefix);
    return this.#isMapping(mappedAddressOf(address, 0), mappedPortOf(address, 0));
  }

  #isMapping(address: number, port: number): boolean {
    return (address & this.#mask) === this.#ipv4 &&
      (this.#port === ANY_PORT || port === this.#port);
  }
}
