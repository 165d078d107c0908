import { IFF_UP } from "#ffi/posix.ts";
import {
  DESTINATION_AT,
  HOP_LIMIT_AT,
  inPrefix,
  type Ipv6Prefix,
  isMulticast,
} from "#src/protocol/wire/ipv6.ts";
import { equal, masked, remove } from "./lists.ts";
import { PaperNetwork } from "./network.ts";

/** An address of an interface: 4 or 16 bytes. */
export interface PaperAddress {
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
  /** As the system has them. */
  readonly flags: number;
}

/** A network interface. */
export interface PaperLink {
  readonly index: number;
  name: string;
  mtu: number;
  /** IFF_UP and the like. */
  flags: number;
  /** Packets that may wait for whoever reads them. */
  queueLength: number;
  readonly addresses: PaperAddress[];
  /**
   * Whoever takes what is routed to the interface; undefined: it leaves for the network.
   *
   * @returns false when it was thrown away
   */
  output: ((packet: Uint8Array) => boolean) | undefined;
}

/** A route of IPv4 or IPv6. */
export interface PaperRoute {
  readonly destination: Uint8Array;
  /** Bits. */
  readonly length: number;
  /** Undefined for one that belongs to no interface. */
  readonly link: PaperLink | undefined;
  /** Of two for one destination the lower wins. */
  readonly metric: number;
  /** What becomes of a packet: it is sent, answered with an error, or thrown away. */
  readonly action: "send" | "reject" | "discard";
  /** Who made it. */
  readonly origin: "kernel" | "boot" | "static" | "advertisement";
  readonly gateway?: Uint8Array;
}

/** A packet of the IPv6 side, and the interface it was seen at. */
export interface SeenPacket {
  readonly link: string;
  readonly packet: Uint8Array;
}

/**
 * One host, less its processes: interfaces, addresses, routes, and what it has to do with the rest of
 * the world.
 */
export class PaperWorld {
  readonly links: PaperLink[] = [];
  readonly routes: PaperRoute[] = [];
  readonly network: PaperNetwork;
  /** What a program gave the stack through a TUN, and what left for the network. */
  readonly packets: SeenPacket[] = [];
  #nextIndex = 1;

  constructor() {
    this.network = new PaperNetwork(this);
  }

  addLink(name: string, mtu: number, flags: number, queueLength = 1000): PaperLink {
    if (this.link(name) !== undefined) throw new Error(`there is an interface ${name} already`);
    const index = this.#nextIndex++;
    const link = { index, name, mtu, flags, queueLength, addresses: [], output: undefined };
    this.links.push(link);
    return link;
  }

  /** By name or index. */
  link(which: string | number): PaperLink | undefined {
    return this.links.find((it) => it.name === which || it.index === which);
  }

  /** The interface goes, and addresses and routes with it. */
  removeLink(link: PaperLink): void {
    this.flush(link, () => true);
    remove(this.links, (it) => it === link);
  }

  /** Takes an interface's addresses and routes of the given lengths (4, 16 bytes) away. */
  flush(link: PaperLink, isWanted: (bytes: Uint8Array) => boolean): void {
    remove(link.addresses, (it) => isWanted(it.bytes));
    remove(this.routes, (it) => it.link === link && isWanted(it.destination));
  }

  /** Adds an address and, as every kernel does, the route to what its prefix covers. */
  addAddress(link: PaperLink, address: PaperAddress, metric = 0): void {
    link.addresses.push(address);
    const { bytes, prefixLength } = address;
    if (prefixLength === 8 * bytes.length) return;
    const destination = masked(bytes, prefixLength);
    const known = this.routesTo({ bytes: destination, length: prefixLength })
      .some((it) => it.link === link);
    if (known) return;
    const route = { destination, length: prefixLength, link, metric } as const;
    this.routes.push({ ...route, action: "send", origin: "kernel" });
  }

  /** Whether an interface has the address: 4 or 16 bytes. */
  isOwn(bytes: Uint8Array): boolean {
    return this.links.some(({ addresses }) => addresses.some((it) => equal(it.bytes, bytes)));
  }

  addRoute(route: PaperRoute): void {
    this.routes.push(route);
  }

  removeRoute(route: PaperRoute): void {
    remove(this.routes, (it) => it === route);
  }

  /** Those for exactly this destination, the one that wins first. */
  routesTo({ bytes, length }: Ipv6Prefix): PaperRoute[] {
    return this.routes
      .filter((it) => it.length === length && equal(it.destination, bytes))
      .sort((a, b) => a.metric - b.metric);
  }

  /** The one that a packet to an address takes: the longest, of those the lowest metric. */
  routeFor(address: Uint8Array): PaperRoute | undefined {
    return this.routes
      .filter((it) => it.destination.length === address.length)
      .filter((it) => inPrefix(address, 0, { bytes: it.destination, length: it.length }))
      .filter((it) => it.link === undefined || (it.link.flags & IFF_UP) !== 0)
      .sort((a, b) => b.length - a.length || a.metric - b.metric)[0];
  }

  /**
   * Sends an IPv6 packet as the stack does: by the route of its destination.
   *
   * @returns false when nothing leads there, or nobody took it
   */
  send(packet: Uint8Array): boolean {
    const destination = packet.slice(DESTINATION_AT, DESTINATION_AT + 16);
    if (isMulticast(destination, 0)) return false; // no group has a member here
    const route = this.routeFor(destination);
    if (route === undefined || route.action !== "send" || route.link === undefined) return false;
    const { link } = route;
    if (packet.length > link.mtu) return false;
    if (link.output !== undefined) return link.output(packet);
    this.packets.push({ link: link.name, packet: packet.slice() });
    return true;
  }

  /** A packet that came in through an interface, as one that a program wrote to its TUN. */
  arrive(link: PaperLink, packet: Uint8Array): void {
    this.packets.push({ link: link.name, packet: packet.slice() });
  }

  /** Passes a packet on that came in and is for somebody else. RFC 8200 §3 */
  forward(packet: Uint8Array): void {
    if (packet[HOP_LIMIT_AT]! <= 1) return;
    const forwarded = packet.slice();
    forwarded[HOP_LIMIT_AT]! -= 1;
    this.send(forwarded);
  }
}
