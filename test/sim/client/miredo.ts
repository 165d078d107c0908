import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { isBubble, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  hasMapping,
  isTeredo,
  SERVICE_PREFIX,
  TEREDO_PORT,
} from "#src/protocol/wire/teredo_address.ts";
import {
  mappedAddressOf,
  mappedPortOf,
  serverAddressOf,
} from "#src/protocol/wire/teredo_address.ts";
import { isAdvertisement } from "#src/protocol/client/messages/advertisement.ts";
import { equalIpv6 } from "#src/protocol/wire/ipv6.ts";
import { teredo } from "#test/protocol/packets.ts";
import type { Nat } from "../nat.ts";
import {
  destinationOf,
  keyOf,
  makeBubble,
  makeData,
  makeSolicitation,
  numberOf,
  REPLY,
  REQUEST,
  sourceOf,
  UDP,
} from "../packets.ts";
import type { ClientWorld, SimServer } from "./world.ts";

const PEER_VALIDITY = 30_000;
const REFRESH = 30_000;
/** More than two ticks of its clock. */
const BUBBLE_INTERVAL = 3_000;
const BUBBLE_MAX = 4;
export const MIREDO_PORT = 3_799;

interface Peer {
  address: number;
  port: number;
  heardAt: number;
  bubbleAt: number;
  bubbles: number;
  readonly queue: Uint8Array[];
}

/**
 * Miredo's client towards other clients: it knows no trailers; its bubbles come from a link-local
 * address, and who answers to that is trusted where he is. It asks again only when it has something to
 * send.
 */
export class MiredoPeer {
  readonly nat: Nat;
  readonly address: number;
  readonly arrived = new Set<number>();
  teredo: Uint8Array | undefined;
  readonly #world: ClientWorld;
  readonly #server: SimServer;
  readonly #peers = new Map<string, Peer>();
  readonly #datagram = new TeredoDatagram();
  readonly #linkLocal = parseIpv6("fe80::beef:dead:f00d:cafe")!;

  constructor(world: ClientWorld, nat: Nat, address: number, server: SimServer) {
    this.#world = world;
    this.nat = nat;
    this.address = address;
    this.#server = server;
    this.#maintain();
  }

  #maintain(): void {
    this.#send(makeSolicitation(), this.#server.primary, TEREDO_PORT);
    this.#world.clock.after(REFRESH, () => this.#maintain());
  }

  /** Sends one packet; the host at the other end answers a request. */
  request(to: Uint8Array): number {
    const number = this.#world.nextNumber();
    this.#transmit(makeData(this.teredo!, to, number, REQUEST));
    return number;
  }

  #transmit(b: Uint8Array): void {
    const { now } = this.#world.clock;
    const to = destinationOf(b);
    const peer = this.#peers.get(keyOf(to)) ?? this.#meet(to);
    if (now - peer.heardAt <= PEER_VALIDITY) return this.#send(b, peer.address, peer.port);
    peer.queue.push(b);
    if (peer.bubbles >= BUBBLE_MAX || now - peer.bubbleAt < BUBBLE_INTERVAL) return;
    peer.bubbles++;
    peer.bubbleAt = now;
    const bubble = makeBubble(this.#linkLocal, to);
    this.#send(bubble, mappedAddressOf(to, 0), mappedPortOf(to, 0));
    this.#send(bubble, serverAddressOf(to, 0), TEREDO_PORT);
  }

  #meet(address: Uint8Array): Peer {
    const never = { heardAt: -Infinity, bubbleAt: -Infinity, bubbles: 0 };
    const peer = { address: 0, port: 0, ...never, queue: [] };
    this.#peers.set(keyOf(address), peer);
    return peer;
  }

  receive(b: Uint8Array, address: number, port: number): void {
    const d = this.#datagram;
    if (d.parse(b, 0, b.length) !== Drop.None) return;
    const packet = b.subarray(d.ipv6At, d.ipv6At + d.ipv6Length);
    const source = sourceOf(packet);
    if (address === this.#server.primary && port === TEREDO_PORT) {
      if (isAdvertisement(b, d)) {
        this.teredo ??= teredo(d.originAddress, d.originPort, this.#server.primary);
      } else if (d.originAt >= 0 && isBubble(packet, 0) && this.teredo !== undefined) {
        this.#send(makeBubble(this.teredo, source), d.originAddress, d.originPort);
      }
      return;
    }
    if (!isTeredo(source, 0, SERVICE_PREFIX)) return;
    const known = this.#peers.get(keyOf(source));
    const isSame = known !== undefined && known.heardAt !== -Infinity &&
      known.address === address && known.port === port;
    const answers = isBubble(packet, 0) && equalIpv6(packet, 24, this.#linkLocal, 0);
    if (!isSame && !hasMapping(source, 0, address, port) && !(answers && known)) return;
    const peer = known ?? this.#meet(source);
    Object.assign(peer, { address, port, heardAt: this.#world.clock.now, bubbles: 0 });
    for (const held of peer.queue.splice(0).reverse()) this.#send(held, address, port);
    if (packet[6] === UDP) this.#take(packet);
  }

  #take(packet: Uint8Array): void {
    const number = numberOf(packet);
    this.arrived.add(number);
    if (packet[44] !== REQUEST) return;
    this.#transmit(makeData(destinationOf(packet), sourceOf(packet), number, REPLY));
  }

  #send(b: Uint8Array, address: number, port: number): void {
    const inside = { address: this.address, port: MIREDO_PORT };
    const mapping = this.nat.send(address, port, this.#world.clock.now, inside);
    this.#world.send(b, mapping.address, mapping.port, address, port);
  }
}
