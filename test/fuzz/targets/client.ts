import assert from "node:assert/strict";
import {
  type ClientOptions,
  DISCOVERY_PATH,
  FILTERING_PATH,
  RANDOM_PORTS,
  SERVICE_PATH,
} from "#src/protocol/client/contract.ts";
import { ECHO_LENGTH } from "#src/protocol/client/messages/echo.ts";
import { DISCOVERY_GROUP } from "#src/protocol/client/peers/discovery.ts";
import { Client } from "#src/protocol/client/rules.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { isGlobalUnicast, isUnicast } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { TEREDO_PORT } from "#src/protocol/wire/teredo_address.ts";
import { Trailers } from "#src/protocol/wire/trailers.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import {
  advertisement,
  alternatesTrailer,
  data,
  discoveryTrailer,
  echoReply,
  type End,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  portTrailer,
  sipHash,
} from "#test/protocol/client/lab.ts";
import { bubble, concat, ip4, origin } from "#test/protocol/packets.ts";
import { CLIENT_LOCAL, toHex } from "#test/protocol/vectors.ts";
import { ClientWatch } from "#test/sim/client/watch.ts";
import { keyOf } from "#test/sim/packets.ts";
import { Choices } from "../engine/choices.ts";
import { counted, timesDue } from "../engine/rules.ts";
import type { Target } from "../engine/target.ts";
import { ENDS, NEIGHBOUR, PEERS, PLAIN, SERVERS, VARIANTS } from "../inputs/client_parties.ts";
import { HEADROOM, MadeDatagram } from "../inputs/made_datagram.ts";

/** Bytes of an event: what, which peer, from where, what of it; then a datagram's, where it has one. */
const EVENT = 16;
const MOST = 32;
/** After which nothing of a peer is left. RFC 4380 §5.2.4, §5.2.6; a local one is kept for 600 s */
const FORGOTTEN = 1_500_000;
const NO_NEXT_HEADER = 59;

/** A conversation: servers, clients, native hosts and strangers with a client, by a clock of its own. */
export const target: Target = {
  name: "client",
  unit: EVENT,
  most: MOST * EVENT,
  seeds: () => VARIANTS.map((_, i) => Uint8Array.of(i, ...SEED)),
  open: () => {
    const choices = new Choices();
    return (input) => {
      new Play(VARIANTS[(input[0] ?? 0) % VARIANTS.length]!).play(choices.take(input, 1));
    };
  },
};

const event = (...bytes: number[]) => [...bytes, ...Array(EVENT).fill(0)].slice(0, EVENT);
/**
 * Both addresses of a server answer, and the second one what the first was asked with the cone bit; a peer
 * bubbles and both talk; a native host answers its test.
 */
const SEED = [
  event(0, 0),
  event(0, 1),
  event(0, 0, 0x11, 0x10),
  event(1, 0),
  event(2, 0, 0, 1),
  event(3, 0, 0, 1),
  event(6, 0),
  event(1, 5),
  event(4, 5),
  event(6, 5),
  event(10, 0, 0, 200),
].flat();

interface Solicited {
  readonly to: number;
  readonly path: number;
  readonly bytes: Uint8Array;
}

class Play implements TunnelSink {
  readonly #options: ClientOptions;
  readonly #counters = makeCounters();
  readonly #client: Client;
  readonly #watch: ClientWatch;
  readonly #made = new MadeDatagram();
  readonly #arrival = new UdpDatagram();
  readonly #datagram = new TeredoDatagram();
  readonly #trailers = new Trailers();
  #now = 1_000_000;
  /** Paths that are open, with their ports. */
  readonly #ports = new Map<number, number>();
  #mayOpen = true;
  #evicted = 0;
  /** The last solicitations: to each server's address, by each path, with the cone bit and without. */
  readonly #solicitations = new Map<string, Solicited>();
  /** The last echo test of each native host, and the nonce that each client was sent. */
  readonly #tests = new Map<string, Uint8Array>();
  readonly #nonces = new Map<string, string>();

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#client = new Client(options, this.#counters, sipHash(1), 7, {
      openPort: (path) => this.#openPort(path),
      closePort: (path) => void this.#ports.delete(path),
    });
    this.#watch = new ClientWatch({ servers: SERVERS }, options);
  }

  /** Addresses of its servers: primary, secondary, and so on. */
  get #own(): readonly number[] {
    return this.#options.servers.flatMap(({ primary, secondary }) => [primary, secondary]);
  }

  #openPort(path: number): number {
    assert.ok(path >= 1 && path <= FILTERING_PATH && !this.#ports.has(path), `path ${path}`);
    if (!this.#mayOpen) return 0;
    this.#ports.set(path, 50_000 + path);
    return 50_000 + path;
  }

  play(c: Choices): void {
    this.#client.start(this.#now, this);
    while (c.left > 0) this.#event(c);
    // All is forgotten in time, whatever was said.
    this.#wait(FORGOTTEN);
    const { peers, heldBytes, heldPackets, trusted, resolving, randomPorts } = this.#client.gauges;
    const left = { peers, heldBytes, heldPackets, trusted, resolving, randomPorts };
    assert.deepEqual(left, {
      peers: 0,
      heldBytes: 0,
      heldPackets: 0,
      trusted: 0,
      resolving: 0,
      randomPorts: 0,
    });
    assert.equal(this.#ports.size, 0, "a random port stays open");
  }

  #event(c: Choices): void {
    const [kind, who, from, what, size, bits] = [c.u8(), c.u8(), c.u8(), c.u8(), c.u8(), c.u8()];
    const [peer, at] = PEERS[who % PEERS.length]!;
    const end = bits & 0x80 ? ENDS[from % ENDS.length]! : at;
    const path = bits & 0x40 ? [...this.#ports.keys()][0] ?? SERVICE_PATH : SERVICE_PATH;
    const own = this.#client.status().address ?? PEER;
    switch (kind % 13) {
      case 0:
        this.#rest(c);
        return this.#advertise(who, from, what);
      case 1:
        this.#rest(c);
        return this.#give(data(own, peer));
      case 2: { // straight from the peer, which is no server: the watch takes what goes there for indirect
        this.#rest(c);
        const b = concat(bubble(peer, own), this.#trailersOf(what, this.#nonces.get(keyOf(peer))));
        return this.#deliver(b, end.port === TEREDO_PORT ? at : end, path);
      }
      case 3: { // by way of a server
        this.#rest(c);
        const told = origin(end.address, end.port);
        const b = concat(told, bubble(peer, own), this.#trailersOf(what, "11223344"));
        return this.#deliver(
          b,
          { address: this.#own[size % this.#own.length]!, port: TEREDO_PORT },
          path,
        );
      }
      case 4: { // the answer to an echo test
        this.#rest(c);
        const test = this.#tests.get(keyOf(peer));
        return test && this.#deliver(echoReply(test), end, path);
      }
      case 5: // by whoever listens to a group
        this.#rest(c);
        return this.#deliver(bubble(peer, parseIpv6("ff02::1")!), end, DISCOVERY_PATH);
      case 6:
        this.#rest(c);
        return this.#deliver(data(peer, own, what), end, path);
      case 7: // anything that has the form of a datagram
        this.#made.make(c, bits & 1 ? own : peer, bits & 2 ? peer : own);
        return this.#deliver(this.#madeBytes(), end, path);
      case 8: // and of a packet
        this.#made.make(c, bits & 1 ? peer : own, bits & 2 ? own : peer);
        return this.#give(this.#madeBytes());
      case 9: { // and anything at all
        const b = c.bytes(EVENT * (what % 4) + 10).slice();
        return bits & 1 ? this.#give(b) : this.#deliver(b, end, path);
      }
      case 10:
        this.#rest(c);
        return this.#wait(what * what / (bits & 1 ? 1 : 64));
      case 11:
        this.#rest(c);
        return this.#wait(1_000 * what);
      default:
        this.#rest(c);
        this.#mayOpen = (bits & 1) === 0;
        return this.#change(what);
    }
  }

  #rest(c: Choices): void {
    c.bytes(EVENT - 6);
  }

  #madeBytes(): Uint8Array {
    const { bytes, length } = this.#made;
    return bytes.slice(HEADROOM, HEADROOM + length);
  }

  /** A server, or who says so, answers the last solicitation to one of its addresses. */
  #advertise(who: number, where: number, what: number): void {
    const own = this.#own;
    const to = own[who % own.length]!;
    const all = [...this.#solicitations.values()].filter((it) => it.to === to);
    if (all.length === 0) return;
    const { bytes: asked, path } = all[(where >> 4) % all.length]!;
    const { address, port } = MAPPED_AT;
    const mapped = [
      MAPPED_AT,
      { address, port: port + 1 + (where & 3) },
      { address: address + 1, port },
      { address: ip4("10.0.0.1"), port },
      { address: CLIENT_LOCAL, port: this.#options.servicePort },
    ][what % 5]!;
    const primary = own[who % own.length & ~1]!;
    const b = advertisement(asked, mapped, what & 0x40 ? primary + 1 : primary);
    if (what & 0x20) b[5]! ^= 1;
    const from = what & 0x10 ? own[where % own.length]! : to;
    this.#deliver(b, { address: from, port: what & 8 ? 3_545 : TEREDO_PORT }, path);
  }

  #trailersOf(what: number, nonce = "01020304"): Uint8Array {
    const ends = [PEER_AT, NEIGHBOUR, { address: PEER_AT.address, port: 7 }].slice(0, what >> 6);
    return concat(
      what & 1 ? nonceTrailer(nonce) : what & 2 ? nonceTrailer("0a0b0c0d") : new Uint8Array(),
      what & 4 ? portTrailer(40_000) : new Uint8Array(),
      what & 8 ? discoveryTrailer(what & 16 ? 1 : 0) : new Uint8Array(),
      ends.length > 0 ? alternatesTrailer(...ends) : new Uint8Array(),
    );
  }

  /** Another mapping of one's own, other servers, other extensions. */
  #change(what: number): void {
    const { servers, extensions } = this.#options;
    this.#client.set(
      {
        ...this.#options,
        servers: what & 1 ? servers.slice(0, 1) : servers,
        extensions: what & 2 ? PLAIN : extensions,
        localAddress: what & 4 ? CLIENT_LOCAL + 1 : CLIENT_LOCAL,
      },
      this.#now,
      this,
    );
  }

  #give(b: Uint8Array): void {
    // What is held and released later would be taken for a bubble of the client's own.
    if (b[6] === NO_NEXT_HEADER) b[6] = 60;
    this.#counted(() => this.#client.fromIpv6(b, 0, b.length, this.#now, this));
  }

  #deliver(b: Uint8Array, { address, port }: End, path: number): void {
    const frame = new Uint8Array(HEADROOM + b.length + 32).fill(0xee);
    frame.set(b, HEADROOM);
    this.#arrival.setPayload(frame, HEADROOM, b.length);
    this.#arrival.setEnds(address, port, path);
    const { trusted } = this.#client.gauges;
    this.#watch.begin(b, address, port);
    this.#counted(() => this.#client.fromUdp(this.#arrival, this.#now, this));
    this.#watch.end(this.#client.gauges.trusted - trusted);
  }

  /** Each is dropped once, for what it says, or not at all; and there is room for no more than was said. */
  #counted(pass: () => Drop): void {
    counted(this.#counters, pass);
    const { peers, trusted, heldBytes, randomPorts } = this.#client.gauges;
    const { maxPeers, holdMemory } = this.#options;
    assert.ok(peers <= maxPeers && trusted <= peers, `${trusted} of ${peers} peers`);
    assert.ok(heldBytes <= 2 * holdMemory, `${heldBytes} bytes held`);
    const open = this.#ports.size - Number(this.#ports.has(FILTERING_PATH));
    assert.ok(randomPorts <= RANDOM_PORTS && randomPorts === open);
  }

  #wait(time: number): void {
    const end = this.#now + time;
    for (const due of timesDue(this.#client, this.#now, end)) {
      this.#now = due;
      this.#client.tick(due, this);
    }
    this.#now = end;
  }

  sendDatagram({ bytes, at, length, address, port, local }: UdpDatagram): void {
    const b = bytes.slice(at, at + length);
    const from = local === SERVICE_PATH ? this.#options.servicePort : this.#ports.get(local);
    assert.ok(from !== undefined, `nobody listens on path ${local}`);
    // A peer on our own network has an address that is not global.
    const isPlace = isUnicast(address) || isGlobalUnicast(address, this.#options.refuseReserved);
    assert.ok(port !== 0 && (isPlace || address === DISCOVERY_GROUP), `to ${address}:${port}`);
    assert.ok(address !== CLIENT_LOCAL || port !== this.#options.servicePort, "to ourselves");
    if (this.#counters[Counter.peers_evicted] !== this.#evicted) this.#watch.evicted();
    this.#evicted = this.#counters[Counter.peers_evicted]!;
    this.#watch.sent(b, from, address, port, this.#now);
    this.#learn(b, address, port, local);
  }

  /** What an honest peer would have to repeat. */
  #learn(b: Uint8Array, address: number, port: number, path: number): void {
    const d = this.#datagram;
    assert.equal(d.parse(b, 0, b.length), Drop.None);
    const to = b.subarray(d.ipv6At + 24, d.ipv6At + 40);
    if (port === TEREDO_PORT && d.nonceAt >= 0) {
      const cone = b[d.ipv6At + 16]! & 0x80;
      this.#solicitations.set(`${address} ${path} ${cone}`, { to: address, path, bytes: b });
    }
    if (b.length === ECHO_LENGTH && b[d.ipv6At + 40] === 128) this.#tests.set(keyOf(to), b);
    this.#trailers.parse(b, d.trailersAt, d.end);
    const { nonceAt } = this.#trailers;
    if (nonceAt >= 0) this.#nonces.set(keyOf(to), toHex(b, nonceAt, 4));
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    assert.ok(b[at]! >> 4 === 6 && length >= 40);
    const { address, deprecated } = this.#client.status();
    const homes = [address, ...deprecated].map((it) => it && toHex(it));
    assert.ok(homes.includes(toHex(b, at + 24, 16)), "delivered to somebody else");
  }

  sendIcmpv6Error(): void {}
}
