import { inPrefix, type Ipv6Prefix } from "../wire/ipv6.ts";

/** Which IPv6 addresses clients may reach and be reached from. RFC 4380 §5.5 */
export class Served {
  #prefixes: readonly Ipv6Prefix[] | undefined;

  /** @param prefixes undefined: any */
  constructor(prefixes: readonly Ipv6Prefix[] | undefined) {
    this.#prefixes = prefixes;
  }

  set(prefixes: readonly Ipv6Prefix[] | undefined): void {
    this.#prefixes = prefixes;
  }

  has(b: Uint8Array, at: number): boolean {
    const prefixes = this.#prefixes;
    if (prefixes === undefined) return true;
    for (let i = 0; i < prefixes.length; i++) if (inPrefix(b, at, prefixes[i]!)) return true;
    return false;
  }
}
