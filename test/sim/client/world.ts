import assert from "node:assert/strict";
import type { ClientOptions } from "#src/protocol/client/contract.ts";
import { DISCOVERY_GROUP } from "#src/protocol/client/peers/discovery.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import { Server } from "#src/protocol/server/rules.ts";
import { PRIMARY, SECONDARY, type ServerSink } from "#src/protocol/server/contract.ts";
import { isTeredo, SERVICE_PREFIX, TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { CLIENT_OPTIONS } from "#test/protocol/client/lab.ts";
import { arrival, fixChecksum, ip4 } from "#test/protocol/packets.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { hmacSha1, OPTIONS as SERVER_OPTIONS } from "#test/protocol/server/lab.ts";
import { RELAY, RELAY_PORT } from "#test/protocol/vectors.ts";
import { Clock } from "../clock.ts";
import { type Inside, Nat, type NatKind, POOL } from "../nat.ts";
import {
  destinationOf,
  ECHO_REPLY,
  ECHO_REQUEST,
  ICMPV6,
  makeData,
  numberOf,
  REPLY,
  REQUEST,
  sourceOf,
  UDP,
} from "../packets.ts";
import { PacketLog } from "../packet_log.ts";
import { Prng } from "../prng.ts";
import { SimClient } from "./client.ts";
import { MiredoPeer } from "./miredo.ts";

const START = 1_000_000;
const LOG_LENGTH = 100;
const HEADROOM = 64;
const UDP_DELAY = 20;
const IPV6_DELAY = 5;
/** External addresses of NATs count up from here, so that each can have many. */
const FIRST_NAT = ip4("23.0.0.16");
const FIRST_SERVER = ip4("65.54.227.120");
const SERVICE_PORT = 3_797;

/** A server that can be switched off, and cut off from the IPv6 Internet. */
export interface SimServer {
  readonly primary: number;
  readonly secondary: number;
  readonly rules: Server;
  isUp: boolean;
  forwards: boolean;
  delay: number;
}

/** IPv4 and IPv6 Internet, with servers, one relay, native hosts, and clients behind NATs. */
export class ClientWorld {
  readonly clock = new Clock(START);
  readonly random: Prng;
  readonly log = new PacketLog(LOG_LENGTH);
  readonly servers: SimServer[] = [];
  readonly clients = new Set<SimClient>();
  readonly hosts = Array.from({ length: 20 }, (_, i) => parseIpv6(`2001:db8::${i + 1}`)!);
  readonly loss: number;
  /** Requests that native hosts answered. */
  answered = 0;
  readonly #relay: Relay;
  readonly #relaySink: TunnelSink;
  readonly #nats: Nat[] = [];
  /** By the NAT they are behind, and by their own address. */
  readonly #behind = new Map<Nat | undefined, Map<number, SimClient>>();
  readonly #miredos = new Map<Nat, MiredoPeer>();
  #clients = 0;
  #number = 0;
  #relayTimerAt = Infinity;

  constructor(seed: number, servers = 2, loss = 0) {
    this.random = new Prng(seed);
    this.loss = loss;
    for (let i = 0; i < servers; i++) this.#addServer(FIRST_SERVER + 4 * i);
    const relayCounters = makeCounters();
    const options = { ...RELAY_OPTIONS, maxPeers: 65_536, holdPackets: 32, holdBytes: 40_960 };
    this.#relay = new Relay(options, relayCounters, keyedHash("relay"), seed);
    this.#relaySink = {
      sendDatagram: ({ bytes, at, length, address, port }) =>
        this.send(bytes.slice(at, at + length), RELAY, RELAY_PORT, address, port),
      sendIpv6: (b, at, length) => this.#toHost(b.slice(at, at + length)),
      sendIcmpv6Error: () => {},
    };
  }

  #addServer(primary: number): void {
    const secondary = primary + 1;
    const ownAddresses = [primary, secondary];
    const addresses = { serverAddress: primary, secondaryAddress: secondary, ownAddresses };
    // A world of clients asks more often than one address should.
    const options = { ...SERVER_OPTIONS, ...addresses, solicitationRate: 0, forwardRate: 0 };
    const rules = new Server(options, makeCounters(), hmacSha1, 1, 2);
    this.servers.push({ primary, secondary, rules, isUp: true, forwards: true, delay: UDP_DELAY });
  }

  nextNumber(): number {
    return ++this.#number;
  }

  addNat(kind: NatKind, hairpin = false, timeout = 120_000): Nat {
    const address = FIRST_NAT + this.#nats.length * POOL;
    const firstPort = 1_024 + this.random.below(60_000);
    const nat = new Nat({ kind, address, firstPort, timeout, hairpin });
    this.#nats.push(nat);
    return nat;
  }

  /** A client behind a NAT, or on the Internet itself. */
  addClient(nat: Nat | undefined, options: Partial<ClientOptions> = {}): SimClient {
    const seed = this.random.below(0xffffffff);
    const number = this.#clients++;
    const first = nat === undefined ? ip4("24.0.0.1") : ip4("192.168.1.2");
    const localAddress = first + (nat === undefined ? number : number % 200);
    const own = { localAddress, ownAddresses: [localAddress], servicePort: SERVICE_PORT };
    const servers = this.servers;
    const subnets = [{ address: ip4("192.168.1.0"), length: 24 }];
    const roomy = { maxPeers: 256, holdPackets: 16, holdBytes: 16 * 1280, subnets };
    const all = { ...CLIENT_OPTIONS, ...roomy, servers, ...own, ...options };
    const client = new SimClient(this, nat, localAddress, all, seed);
    this.clients.add(client);
    const neighbours = this.#behind.get(nat) ?? new Map<number, SimClient>();
    this.#behind.set(nat, neighbours.set(localAddress, client));
    client.start();
    return client;
  }

  /** A client of another make, alone behind its NAT. */
  addMiredo(nat: Nat): MiredoPeer {
    const peer = new MiredoPeer(this, nat, ip4("192.168.1.2"), this.servers[0]!);
    this.#miredos.set(nat, peer);
    return peer;
  }

  /** It is switched off. */
  removeClient(client: SimClient): void {
    client.isUp = false;
    this.clients.delete(client);
    this.#behind.get(client.nat)?.delete(client.address);
  }

  /** Lets some time pass. */
  run(milliseconds: number): void {
    this.clock.runUntil(this.clock.now + milliseconds);
  }

  /** Runs until it is so, which it must be in the time. */
  until(milliseconds: number, isSo: () => boolean, what: string): void {
    const end = this.clock.now + milliseconds;
    while (!isSo() && this.clock.now < end) this.run(20);
    assert.ok(isSo(), what);
  }

  // IPv4

  fromClient(client: SimClient, b: Uint8Array, from: number, to: number, toPort: number): void {
    const { now } = this.clock;
    const { nat, address } = client;
    if (to === DISCOVERY_GROUP) {
      for (const other of this.#behind.get(nat)!.values()) {
        if (other !== client) other.receiveFromGroup(b, address, from);
      }
      return;
    }
    if (nat === undefined) return this.send(b, address, from, to, toPort);
    const near = isPrivate(to) ? this.#behind.get(nat)!.get(to) : undefined;
    if (near !== undefined) {
      this.log.datagram(now, address, from, to, toPort, b);
      return this.clock.after(1, () => near.receive(b, address, from, toPort));
    }
    if (isPrivate(to)) return;
    const inside: Inside = { address, port: from };
    const mapping = nat.send(to, toPort, now, inside);
    if (to >= nat.address && to < nat.address + POOL && !nat.hairpin) return;
    this.send(b, mapping.address, mapping.port, to, toPort);
  }

  send(b: Uint8Array, from: number, port: number, to: number, toPort: number): void {
    this.log.datagram(this.clock.now, from, port, to, toPort, b);
    if (this.random.chance(this.loss)) return;
    const server = this.servers.find((it) => it.primary === to || it.secondary === to);
    const delay = server?.delay ?? UDP_DELAY;
    this.clock.after(delay, () => this.#deliver(b, from, port, to, toPort));
  }

  #deliver(b: Uint8Array, from: number, port: number, to: number, toPort: number): void {
    const { now } = this.clock;
    const server = this.servers.find((it) => it.primary === to || it.secondary === to);
    if (server !== undefined) {
      if (toPort === TEREDO_PORT && server.isUp) this.#toServer(server, b, from, port, to);
    } else if (to === RELAY && toPort === RELAY_PORT) {
      const came = arrival(b, from, port, RELAY);
      this.#relay.fromUdp(came, now, this.#relaySink);
      this.#setRelayTimer();
    } else this.#toClient(b, from, port, to, toPort);
  }

  #toClient(b: Uint8Array, from: number, port: number, to: number, toPort: number): void {
    const nat = this.#nats[Math.floor((to - FIRST_NAT) / POOL)];
    if (nat === undefined) {
      return this.#behind.get(undefined)?.get(to)?.receive(b, from, port, toPort);
    }
    const inside = nat.lets(toPort, from, port, this.clock.now, to)?.inside;
    if (inside === undefined) return;
    const miredo = this.#miredos.get(nat);
    if (miredo !== undefined) return miredo.receive(b, from, port);
    this.#behind.get(nat)?.get(inside.address)?.receive(b, from, port, inside.port);
  }

  #toServer(server: SimServer, b: Uint8Array, from: number, port: number, to: number): void {
    const frame = new Uint8Array(HEADROOM + b.length);
    frame.set(b, HEADROOM);
    const socket = to === server.primary ? PRIMARY : SECONDARY;
    const sink: ServerSink = {
      sendDatagram: (socket, { bytes, at, length, address, port: toPort }) => {
        const local = socket === PRIMARY ? server.primary : server.secondary;
        this.send(bytes.slice(at, at + length), local, TEREDO_PORT, address, toPort);
      },
      sendIpv6: (bytes, at, length) => {
        if (server.forwards) this.#toHost(bytes.slice(at, at + length));
      },
    };
    server.rules.fromUdp(
      socket,
      arrival(frame, from, port, 0, HEADROOM, b.length),
      this.clock.now,
      sink,
    );
  }

  // IPv6

  #toHost(b: Uint8Array): void {
    this.log.ipv6(this.clock.now, "IPv6 to a host", b);
    const [host, from] = [destinationOf(b).slice(), sourceOf(b).slice()];
    if (b[6] === ICMPV6 && b[40] === ECHO_REQUEST) {
      const reply = b.slice();
      reply.set(host, 8);
      reply.set(from, 24);
      reply[40] = ECHO_REPLY;
      this.fromHost(fixChecksum(reply));
    } else if (b[6] === UDP && b[44] === REQUEST) {
      this.answered++;
      this.fromHost(makeData(host, from, numberOf(b), REPLY));
    }
  }

  /** A native host's packet to a client: the relay has it. */
  fromHost(b: Uint8Array): void {
    assert.ok(isTeredo(b, 24, SERVICE_PREFIX));
    this.log.ipv6(this.clock.now, "IPv6 to the relay", b);
    this.clock.after(IPV6_DELAY, () => {
      this.#relay.fromIpv6(b, 0, b.length, this.clock.now, this.#relaySink);
      this.#setRelayTimer();
    });
  }

  #setRelayTimer(): void {
    const next = this.#relay.nextTimer();
    if (next >= this.#relayTimerAt) return;
    this.#relayTimerAt = next;
    this.clock.at(next, () => {
      if (this.#relayTimerAt !== next) return;
      this.#relayTimerAt = Infinity;
      this.#relay.tick(this.clock.now, this.#relaySink);
      this.#setRelayTimer();
    });
  }
}

function isPrivate(address: number): boolean {
  return address >>> 16 === 0xc0a8;
}
