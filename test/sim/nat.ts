import { Prng } from "./prng.ts";

/** How strangers are kept out, and whether all destinations see one mapping. RFC 4380 §3.1 */
export const NAT_KINDS = ["full cone", "restricted", "port restricted", "symmetric"] as const;
/** RFC 6081 §2 has these as well. A "symmetric" one gives ports at random. */
export const ALL_NAT_KINDS = [
  "full cone",
  "restricted",
  "port restricted",
  "port preserving",
  "sequential",
  "symmetric",
  "address symmetric",
] as const;
export type NatKind = (typeof ALL_NAT_KINDS)[number];

const SYMMETRIC: readonly NatKind[] = [
  "port preserving",
  "sequential",
  "symmetric",
  "address symmetric",
];
/** External addresses of an address-symmetric NAT, from its first one on. */
export const POOL = 16;
/** Of a host behind it, where it does not matter. */
const ANY_PORT = 3_545;

export interface Inside {
  readonly address: number;
  readonly port: number;
}

export interface Mapping extends Inside {
  readonly inside: Inside;
  lastUsed: number;
  /** When each remote address, or address and port, was last sent to. */
  readonly sentTo: Map<string, number>;
}

export interface NatOptions {
  readonly kind: NatKind;
  readonly address: number;
  readonly firstPort: number;
  /** Milliseconds for which a mapping and a permission last. */
  readonly timeout: number;
  /** Whether what a host behind it sends to its external address comes back in. RFC 6081 §3.5 */
  readonly hairpin?: boolean;
}

/**
 * A NAT with hosts behind it.
 *
 * What comes in does not keep a mapping alive; only what goes out does.
 */
export class Nat {
  readonly kind: NatKind;
  /** The first, of most the only one. */
  readonly address: number;
  readonly hairpin: boolean;
  readonly timeout: number;
  readonly #random: Prng;
  /** One for each inside, or for each inside and remote address and port when symmetric. */
  readonly #mappings = new Map<string, Mapping>();
  /** Which external address each remote one sees. */
  readonly #seen = new Map<number, number>();
  #nextPort: number;

  constructor({ kind, address, firstPort, timeout, hairpin = false }: NatOptions) {
    this.kind = kind;
    this.address = address;
    this.timeout = timeout;
    this.hairpin = hairpin;
    this.#nextPort = firstPort;
    this.#random = new Prng(address);
  }

  /** The mapping by which a datagram of `inside` to `address`:`port` leaves. */
  send(
    address: number,
    port: number,
    now: number,
    inside: Inside = { address: 0, port: ANY_PORT },
  ): Mapping {
    const from = `${inside.address}:${inside.port}`;
    const key = SYMMETRIC.includes(this.kind) ? `${from} ${address}:${port}` : from;
    let mapping = this.#mappings.get(key);
    if (mapping === undefined || now - mapping.lastUsed > this.timeout) {
      const seen = this.#addressFor(address);
      const given = this.#portFor(inside.port, seen);
      mapping = { address: seen, port: given, inside, lastUsed: now, sentTo: new Map() };
      this.#mappings.set(key, mapping);
    }
    mapping.lastUsed = now;
    mapping.sentTo.set(this.#permission(address, port), now);
    return mapping;
  }

  /** By which mapping a datagram from `address`:`port` to `to`:`toPort` is let in, if it is. */
  lets(
    toPort: number,
    address: number,
    port: number,
    now: number,
    to = this.address,
  ): Mapping | undefined {
    for (const mapping of this.#mappings.values()) {
      if (mapping.port !== toPort || mapping.address !== to) continue;
      if (now - mapping.lastUsed > this.timeout) continue;
      if (this.kind === "full cone") return mapping;
      const sentAt = mapping.sentTo.get(this.#permission(address, port));
      if (sentAt !== undefined && now - sentAt <= this.timeout) return mapping;
    }
    return undefined;
  }

  /** All mappings are lost, as when the NAT is switched off and on; new ports are used. */
  restart(): void {
    this.#mappings.clear();
    this.#seen.clear();
  }

  #permission(address: number, port: number): string {
    return this.kind === "restricted" ? `${address}` : `${address}:${port}`;
  }

  #addressFor(remote: number): number {
    if (this.kind !== "address symmetric") return this.address;
    const seen = this.#seen.get(remote) ?? this.address + (this.#seen.size % POOL);
    this.#seen.set(remote, seen);
    return seen;
  }

  #portFor(inside: number, address: number): number {
    if (this.kind === "sequential" || !SYMMETRIC.includes(this.kind)) return this.#takePort();
    let port = this.kind === "port preserving" ? inside : this.#randomPort();
    while (this.#isTaken(port, address)) port = this.#randomPort();
    return port;
  }

  #randomPort(): number {
    return 1_024 + this.#random.below(64_000);
  }

  #isTaken(port: number, address: number): boolean {
    for (const mapping of this.#mappings.values()) {
      if (mapping.port === port && mapping.address === address) return true;
    }
    return false;
  }

  #takePort(): number {
    const port = this.#nextPort;
    this.#nextPort = port >= 65_535 ? 1_024 : port + 1;
    return port;
  }
}
