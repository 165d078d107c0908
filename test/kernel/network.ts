import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";
import { remove } from "./lists.ts";
import type { PaperWorld } from "./world.ts";

/** A UDP address: an unsigned 32-bit number in host order, and a port. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

export interface Datagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A socket as the network sees it. */
export interface Receiver {
  /** Address 0 stands for all of the host's; port 0: not bound. */
  readonly bound: Endpoint;
  readonly sharesPort: boolean;
  /** @returns false when its buffer is full */
  deliver(datagram: Datagram): boolean;
}

/** Ephemeral ports start here, as they do by RFC 6335 §6. */
const FIRST_EPHEMERAL = 49_152;

/** The IPv4 side: sockets of the host, and everybody else, who is the test. */
export class PaperNetwork {
  /** Datagrams to whom no socket of the host is bound; the test takes them. */
  readonly sent: Datagram[] = [];
  readonly #world: PaperWorld;
  readonly #receivers: Receiver[] = [];
  #nextPort = FIRST_EPHEMERAL;

  constructor(world: PaperWorld) {
    this.#world = world;
  }

  /** A datagram of the test's. @returns whether a socket took it */
  inject(from: Endpoint, to: Endpoint, data: Uint8Array): boolean {
    return this.#receiverOf(to)?.deliver({ from, to, data: data.slice() }) ?? false;
  }

  /** Whether an address can be bound: 0, or one of the host. */
  isOwn(address: number): boolean {
    return address === 0 || address >>> 24 === 127 || this.#world.isOwn(ipv4Bytes(address));
  }

  /** Whether something leads to an address: a route, or it is the host's own. */
  reaches(address: number): boolean {
    if (this.isOwn(address)) return true;
    return this.#world.routeFor(ipv4Bytes(address))?.action === "send";
  }

  /** The first address of the interface that a packet leaves by; undefined: it leaves by none. */
  sourceFor(address: number): number | undefined {
    const route = this.#world.routeFor(ipv4Bytes(address));
    const bytes = route?.link?.addresses.find((it) => it.bytes.length === 4)?.bytes;
    return bytes === undefined ? undefined : readU32(bytes, 0);
  }

  /** Whether a socket may be bound there beside those that are. */
  isFree(wanted: Endpoint, sharesPort: boolean): boolean {
    return this.#receivers.every(({ bound, sharesPort: otherShares }) =>
      bound.port !== wanted.port ||
      (sharesPort && otherShares) ||
      !(bound.address === wanted.address || bound.address === 0 || wanted.address === 0)
    );
  }

  add(receiver: Receiver): void {
    this.#receivers.push(receiver);
  }

  remove(receiver: Receiver): void {
    remove(this.#receivers, (it) => it === receiver);
  }

  freePort(): number {
    return this.#nextPort++;
  }

  /** Carries a datagram of a socket of the host. */
  carry(datagram: Datagram): void {
    const receiver = this.#receiverOf(datagram.to);
    if (receiver === undefined) this.sent.push(datagram);
    else receiver.deliver(datagram);
  }

  /** A socket bound to the address itself goes before one bound to all. */
  #receiverOf({ address, port }: Endpoint): Receiver | undefined {
    if (!this.isOwn(address)) return undefined;
    const bound = this.#receivers.filter((it) => it.bound.port === port);
    return bound.find((it) => it.bound.address === address) ??
      bound.find((it) => it.bound.address === 0);
  }
}

/** In network byte order. */
export function ipv4Bytes(address: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, address);
  return bytes;
}
