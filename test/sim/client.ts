import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { isBubble } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, TEREDO_PORT, toBytes } from "#src/protocol/wire/teredo_address.ts";
import type { Nat } from "./nat.ts";
import {
  ECHO_REPLY,
  ECHO_REQUEST,
  echoNumberOf,
  ICMPV6,
  keyOf,
  makeBubble,
  makeData,
  makeEcho,
  makeSolicitation,
  numberOf,
  REQUEST,
  sourceOf,
  UDP,
} from "./packets.ts";
import type { World } from "./world.ts";

const REFRESH = 30_000;
const PEER_VALIDITY = 30_000;
const ECHO_TIMEOUT = 2_000;
const ECHO_MAX = 4;
const QUEUE_MAX = 32;

/** A native host, as the client knows it: by way of which relay, and since when. */
interface HostPeer {
  address: number;
  port: number;
  lastReceived: number;
  echoNumber: number;
  echoes: number;
  readonly outgoing: Uint8Array[];
  readonly incoming: Uint8Array[];
}

/**
 * A Teredo client behind a NAT, as Miredo's is: it qualifies every 30 s or less, answers bubbles
 * that come by way of its server, and sends to a native host through the relay that the host's
 * echo reply came from. RFC 4380 §5.2
 */
export class Client {
  readonly nat: Nat;
  readonly random: number;
  /** Its Teredo address once qualified. */
  address: Uint8Array | undefined;
  /** Grows whenever its address may change: what was on its way then may be lost. */
  generation = 0;
  isAlive = true;
  qualifiedAt = Infinity;
  /** First packet to a relay since the relay's restart. */
  firstSince = Infinity;
  readonly #world: World;
  readonly #server: number;
  readonly #peers = new Map<string, HostPeer>();
  readonly #datagram = new TeredoDatagram();

  constructor(world: World, nat: Nat, server: number) {
    this.#world = world;
    this.nat = nat;
    this.#server = server;
    this.random = world.random.below(0x1000);
    this.#maintain();
  }

  vanish(): void {
    this.isAlive = false;
    this.address = undefined;
    this.generation++;
  }

  /** Its NAT loses all mappings; the client learns of it when it next qualifies. */
  move(): void {
    this.nat.restart();
    this.generation++;
    this.qualifiedAt = Infinity;
  }

  /** Sends a request that the host is to answer. */
  request(host: Uint8Array): void {
    const address = this.address;
    if (address === undefined) return;
    const peer = this.#peer(host);
    const number = this.#world.expectReply(this);
    const bytes = makeData(address, host, number, REQUEST);
    if (this.#isValid(peer)) this.#sendToRelay(peer, bytes);
    else {
      if (peer.outgoing.length < QUEUE_MAX) peer.outgoing.push(bytes);
      this.#test(host, peer);
    }
  }

  receive(b: Uint8Array, address: number, port: number): void {
    const d = this.#datagram;
    if (d.parse(b, 0, b.length) !== Drop.None) return;
    const fromServer = address === this.#server && port === TEREDO_PORT;
    if (fromServer && b[d.ipv6At + 6] === ICMPV6) this.#qualify();
    else if (fromServer && d.originAt >= 0 && isBubble(b, d.ipv6At)) this.#answer(b);
    else if (!fromServer) this.#receiveFromRelay(b.subarray(d.ipv6At), address, port);
  }

  #maintain(): void {
    if (!this.isAlive) return;
    this.#send(makeSolicitation(), this.#server, TEREDO_PORT);
    const delay = this.#world.random.between(0.75, 1) * REFRESH;
    this.#world.clock.after(delay, () => this.#maintain());
  }

  /** The origin indication of an advertisement tells the mapping. RFC 4380 §5.2.1 */
  #qualify(): void {
    const d = this.#datagram;
    if (d.originAt < 0) return;
    const address = toBytes({
      prefix: SERVICE_PREFIX,
      serverAddress: this.#server,
      flags: this.random & 0x0cff,
      mappedAddress: d.originAddress,
      mappedPort: d.originPort,
    });
    const changed = this.address === undefined || keyOf(this.address) !== keyOf(address);
    if (this.qualifiedAt === Infinity) this.qualifiedAt = this.#world.clock.now;
    if (!changed) return;
    this.generation++;
    this.address = address;
    this.#peers.clear();
    this.#world.register(this);
  }

  /** RFC 4380 §5.2.3: the bubble is answered to where its origin indication says. */
  #answer(b: Uint8Array): void {
    if (this.address === undefined) return;
    const d = this.#datagram;
    const answer = makeBubble(this.address, sourceOf(b, d.ipv6At));
    this.#send(answer, d.originAddress, d.originPort);
  }

  #receiveFromRelay(packet: Uint8Array, address: number, port: number): void {
    if (isBubble(packet, 0)) return; // link-local source, not from the server: Miredo ignores it
    const host = sourceOf(packet);
    const peer = this.#peer(host);
    if (packet[6] === ICMPV6) {
      if (packet[40] === ECHO_REPLY && echoNumberOf(packet) === peer.echoNumber) {
        this.#trust(peer, address, port);
      }
      return;
    }
    if (this.#isValid(peer) && peer.address === address && peer.port === port) {
      peer.lastReceived = this.#world.clock.now;
      this.#take(packet);
    } else {
      if (peer.incoming.length < QUEUE_MAX) peer.incoming.push(packet);
      this.#test(host, peer);
    }
  }

  #trust(peer: HostPeer, address: number, port: number): void {
    peer.address = address;
    peer.port = port;
    peer.lastReceived = this.#world.clock.now;
    peer.echoes = 0;
    for (const packet of peer.incoming.splice(0)) this.#take(packet);
    for (const packet of peer.outgoing.splice(0)) this.#sendToRelay(peer, packet);
  }

  #take(packet: Uint8Array): void {
    if (packet[6] === UDP) this.#world.arrived(numberOf(packet), this);
  }

  /** An echo request by way of the server: the reply comes through the relay. RFC 4380 §5.2.9 */
  #test(host: Uint8Array, peer: HostPeer): void {
    if (peer.echoes > 0) return;
    const attempt = (): void => {
      const waiting = peer.outgoing.length > 0 || peer.incoming.length > 0;
      if (!this.isAlive || this.address === undefined || !waiting) return;
      if (peer.echoes++ === ECHO_MAX) {
        peer.echoes = 0;
        peer.outgoing.length = 0;
        peer.incoming.length = 0;
        return;
      }
      peer.echoNumber = this.#world.nextNumber();
      const echo = makeEcho(this.address, host, peer.echoNumber, ECHO_REQUEST);
      this.#send(echo, this.#server, TEREDO_PORT);
      this.#world.clock.after(ECHO_TIMEOUT, attempt);
    };
    attempt();
  }

  #peer(host: Uint8Array): HostPeer {
    const key = keyOf(host);
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      const queues = { outgoing: [], incoming: [] };
      const lastReceived = -Infinity;
      peer = { address: 0, port: 0, lastReceived, echoNumber: -1, echoes: 0, ...queues };
      this.#peers.set(key, peer);
    }
    return peer;
  }

  #isValid(peer: HostPeer): boolean {
    return this.#world.clock.now - peer.lastReceived < PEER_VALIDITY;
  }

  #sendToRelay(peer: HostPeer, packet: Uint8Array): void {
    this.firstSince = Math.min(this.firstSince, this.#world.clock.now);
    this.#send(packet, peer.address, peer.port);
  }

  #send(b: Uint8Array, address: number, port: number): void {
    const mapping = this.nat.send(address, port, this.#world.clock.now);
    this.#world.sendDatagram(b, mapping.address, mapping.port, address, port);
  }
}
