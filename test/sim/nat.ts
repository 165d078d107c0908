/** How strangers are kept out, and whether all destinations see one mapping. RFC 4380 §3.1 */
export const NAT_KINDS = ["full cone", "restricted", "port restricted", "symmetric"] as const;
export type NatKind = (typeof NAT_KINDS)[number];

interface Mapping {
  readonly port: number;
  lastUsed: number;
  /** When each remote address, or address and port, was last sent to. */
  readonly sentTo: Map<string, number>;
}

/**
 * A NAT with one host behind it, which uses one port.
 *
 * What comes in does not keep a mapping alive; only what goes out does.
 */
export class Nat {
  readonly kind: NatKind;
  readonly address: number;
  readonly timeout: number;
  /** One, or one for each remote address and port when symmetric. */
  readonly #mappings = new Map<string, Mapping>();
  #nextPort: number;

  /** @param timeout milliseconds for which a mapping and a permission last */
  constructor(kind: NatKind, address: number, firstPort: number, timeout: number) {
    this.kind = kind;
    this.address = address;
    this.timeout = timeout;
    this.#nextPort = firstPort;
  }

  /** The mapped port from which a datagram to `address`:`port` leaves. */
  send(address: number, port: number, now: number): number {
    const key = this.kind === "symmetric" ? `${address}:${port}` : "";
    let mapping = this.#mappings.get(key);
    if (mapping === undefined || now - mapping.lastUsed > this.timeout) {
      mapping = { port: this.#takePort(), lastUsed: now, sentTo: new Map() };
      this.#mappings.set(key, mapping);
    }
    mapping.lastUsed = now;
    mapping.sentTo.set(this.#permission(address, port), now);
    return mapping.port;
  }

  /** Whether a datagram from `address`:`port` to the mapped port `to` is let in. */
  lets(to: number, address: number, port: number, now: number): boolean {
    for (const mapping of this.#mappings.values()) {
      if (mapping.port !== to || now - mapping.lastUsed > this.timeout) continue;
      if (this.kind === "full cone") return true;
      const sentAt = mapping.sentTo.get(this.#permission(address, port));
      return sentAt !== undefined && now - sentAt <= this.timeout;
    }
    return false;
  }

  /** All mappings are lost, as when the NAT is switched off and on; new ports are used. */
  restart(): void {
    this.#mappings.clear();
  }

  #permission(address: number, port: number): string {
    return this.kind === "restricted" ? `${address}` : `${address}:${port}`;
  }

  #takePort(): number {
    const port = this.#nextPort;
    this.#nextPort = port >= 65_535 ? 1_024 : port + 1;
    return port;
  }
}
