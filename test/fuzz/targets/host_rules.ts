import assert from "node:assert/strict";
import { type HostOptions, HostRules } from "#src/datapath/loop/host_rules.ts";
import { FILTERING_PATH, SERVICE_PATH } from "#src/protocol/client/contract.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { isBubble, parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  hasMapping,
  isTeredo,
  SERVICE_PREFIX,
  TEREDO_PORT,
} from "#src/protocol/wire/teredo_address.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import {
  advertisement,
  CLIENT_OPTIONS,
  data,
  type End,
  HOST,
  MAPPED_AT,
  sipHash,
} from "#test/protocol/client/lab.ts";
import { bubble } from "#test/protocol/packets.ts";
import { keyOf } from "#test/sim/packets.ts";
import { Choices } from "../engine/choices.ts";
import { counted, timesDue } from "../engine/rules.ts";
import type { Target } from "../engine/target.ts";
import { ENDS, PEERS } from "../inputs/client_parties.ts";
import { HEADROOM, MadeDatagram } from "../inputs/made_datagram.ts";

/** Bytes of an event: what, which peer, from where, what of it; then a datagram's, where it has one. */
const EVENT = 16;
const MOST = 32;
/** After which nothing of a peer is left, of a client's or a relay's. */
const FORGOTTEN = 1_500_000;
const NO_NEXT_HEADER = 59;
/** RFC 4380 §5.2.6: of each, four pairs of bubbles in 300 s. */
const BUBBLES_MAX = 8;
const BUBBLES_WINDOW = 300_000;
const HEARD: readonly Drop[] = [Drop.None, Drop.DestinationScope, Drop.DestinationNotServed];

/** Addresses that the host has, one after the other; and one that it has not. */
const OWN = ["2001:db8:5::7", "2001:db8:5::8"].map((text) => parseIpv6(text)!);
const FOREIGN = parseIpv6("2001:db8:6::1")!;
const prefixOf = (text: string) => [parseIpv6Prefix(`${text}/128`)!];
/** Which role it has: a client, or a relay for one address or the other. */
const ROLES: readonly HostOptions[] = [
  CLIENT_OPTIONS,
  { ...CLIENT_OPTIONS, servers: [], relayedFor: prefixOf("2001:db8:5::7") },
  { ...CLIENT_OPTIONS, servers: [], relayedFor: prefixOf("2001:db8:5::8") },
];

/** A client's host that has native IPv6 and loses it again, in one conversation. */
export const target: Target = {
  name: "host_rules",
  unit: EVENT,
  most: MOST * EVENT,
  seeds: () => [Uint8Array.of(0, ...SEED), Uint8Array.of(1, ...SEED)],
  open: () => {
    const choices = new Choices();
    return (input) => new Play((input[0] ?? 0) % ROLES.length).play(choices.take(input, 1));
  },
};

const event = (...bytes: number[]) => [...bytes, ...Array(EVENT).fill(0)].slice(0, EVENT);
/** A server answers; a peer is met by the client, then by the relay; it is a client again. */
const SEED = [
  event(0),
  event(1, 0),
  event(2, 0),
  event(7, 0, 0, 1),
  event(1, 0),
  event(2, 0),
  event(3, 0),
  event(7, 0, 0, 2),
  event(3, 0),
  event(7, 0, 0, 0),
  event(0),
  event(1, 0),
].flat();

class Play implements TunnelSink {
  readonly #counters = makeCounters();
  readonly #rules: HostRules;
  readonly #made = new MadeDatagram();
  readonly #arrival = new UdpDatagram();
  readonly #datagram = new TeredoDatagram();
  readonly #ports = new Map<number, number>();
  #role: number;
  #now = 1_000_000;
  /** The last solicitation, and whom the relay sent its last bubble from, by client. */
  #solicitation: Uint8Array | undefined;
  readonly #tokens = new Map<string, Uint8Array>();
  /** When the relay sent bubbles to each client that has not been heard of since. */
  readonly #bubbles = new Map<string, number[]>();
  /** Who was where his address says, or had the token, since the relay began. */
  readonly #heard = new Set<string>();

  /** Bytes of datagrams that go out while one that came is looked at. */
  #sentBack: number | undefined;

  constructor(role: number) {
    this.#role = role;
    this.#rules = new HostRules(
      ROLES[role]!,
      this.#counters,
      { client: sipHash(1), relay: sipHash(2) },
      7,
      {
        openPort: (path) => this.#openPort(path),
        closePort: (path) => void this.#ports.delete(path),
      },
    );
  }

  get #isRelaying(): boolean {
    return ROLES[this.#role]!.relayedFor !== undefined;
  }

  get #own(): Uint8Array {
    return this.#isRelaying ? OWN[this.#role - 1]! : this.#rules.status().address ?? FOREIGN;
  }

  #openPort(path: number): number {
    assert.ok(path >= 1 && path <= FILTERING_PATH && !this.#ports.has(path), `path ${path}`);
    this.#ports.set(path, 50_000 + path);
    return 50_000 + path;
  }

  play(c: Choices): void {
    this.#rules.start(ROLES[this.#role]!, this.#now, this);
    while (c.left > 0) this.#event(c);
    // All is forgotten in time, of both.
    this.#wait(FORGOTTEN);
    for (const role of [0, 1]) {
      this.#become(role);
      const { peers, heldBytes, heldPackets, trusted, resolving } = this.#rules.gauges;
      const left = { peers, heldBytes, heldPackets, trusted, resolving };
      assert.deepEqual(left, { peers: 0, heldBytes: 0, heldPackets: 0, trusted: 0, resolving: 0 });
    }
    assert.equal(this.#ports.size, 0, "a port stays open");
  }

  #event(c: Choices): void {
    const [kind, who, from, what, size, bits] = [c.u8(), c.u8(), c.u8(), c.u8(), c.u8(), c.u8()];
    const [peer, at] = PEERS[who % PEERS.length]!;
    const end = bits & 0x80 ? ENDS[from % ENDS.length]! : at;
    const path = bits & 0x40 ? [...this.#ports.keys()][0] ?? SERVICE_PATH : SERVICE_PATH;
    if (kind % 8 !== 4 && kind % 8 !== 5) c.bytes(EVENT - 6);
    switch (kind % 8) {
      case 0: {
        const asked = this.#solicitation;
        const server = CLIENT_OPTIONS.servers[0]!.primary;
        if (asked === undefined) return;
        const b = advertisement(asked, MAPPED_AT, server);
        return this.#deliver(b, { address: server, port: TEREDO_PORT }, SERVICE_PATH);
      }
      case 1:
        return this.#give(data(bits & 1 ? FOREIGN : this.#own, peer));
      case 2: { // the answer to a bubble, to whichever of the two has sent one
        const token = this.#tokens.get(keyOf(peer));
        const to = this.#isRelaying ? token : this.#own;
        return to && this.#deliver(bubble(peer, to), end, path);
      }
      case 3:
        return this.#deliver(data(peer, bits & 1 ? FOREIGN : this.#own, what), end, path);
      case 4: // anything that has the form of a datagram
        this.#made.make(c, bits & 1 ? this.#own : peer, bits & 2 ? peer : this.#own);
        return this.#deliver(this.#madeBytes(), end, path);
      case 5: // and of a packet
        this.#made.make(c, bits & 1 ? peer : this.#own, bits & 2 ? this.#own : peer);
        return this.#give(this.#madeBytes());
      case 6:
        return this.#wait(bits & 1 ? 1_000 * what : what * size);
      default:
        return this.#become(what % ROLES.length);
    }
  }

  #madeBytes(): Uint8Array {
    const { bytes, length } = this.#made;
    return bytes.slice(HEADROOM, HEADROOM + length);
  }

  /** What was known of clients may be given up, as it is another one's. */
  #become(role: number): void {
    this.#role = role;
    this.#rules.set(ROLES[role]!, this.#now, this);
  }

  #give(b: Uint8Array): void {
    // What is held and released later would be taken for a bubble of its own.
    if (b[6] === NO_NEXT_HEADER) b[6] = 60;
    this.#counted(() => this.#rules.fromIpv6(b, 0, b.length, this.#now, this));
  }

  #deliver(b: Uint8Array, { address, port }: End, path: number): void {
    const frame = new Uint8Array(HEADROOM + b.length + 32).fill(0xee);
    frame.set(b, HEADROOM);
    this.#arrival.setPayload(frame, HEADROOM, b.length);
    this.#arrival.setEnds(address, port, path);
    const source = this.#noteProof(b, address, port);
    const { peers } = this.#rules.gauges;
    this.#sentBack = 0;
    const drop = this.#counted(() => this.#rules.fromUdp(this.#arrival, this.#now, this));
    const sentBack = this.#sentBack;
    this.#sentBack = undefined;
    if (drop === Drop.UnknownPeer && this.#isRelaying) {
      assert.ok(sentBack <= b.length, `${sentBack} bytes to a stranger for ${b.length}`);
    }
    // Whoever sends what is for somebody else is heard of all the same.
    if (!HEARD.includes(drop)) return;
    this.#bubbles.delete(source);
    const isMet = this.#isRelaying && this.#rules.gauges.peers > peers;
    assert.ok(!isMet || this.#tokens.has(source), "a relay met somebody without a token");
  }

  /** Whoever is where his address says, or has the token of a bubble, is heard of. @returns the source */
  #noteProof(b: Uint8Array, address: number, port: number): string {
    const d = this.#datagram;
    if (d.parse(b, 0, b.length) !== Drop.None) return "";
    const source = keyOf(b.subarray(d.ipv6At + 8, d.ipv6At + 24));
    const token = this.#tokens.get(source);
    const hasToken = token !== undefined &&
      keyOf(token) === keyOf(b.subarray(d.ipv6At + 24, d.ipv6At + 40));
    if (hasToken || hasMapping(b, d.ipv6At + 8, address, port)) this.#heard.add(source);
    return source;
  }

  #counted(pass: () => Drop): Drop {
    const drop = counted(this.#counters, pass);
    const { peers, trusted } = this.#rules.gauges;
    assert.ok(peers <= CLIENT_OPTIONS.maxPeers && trusted <= peers, `${trusted} of ${peers} peers`);
    return drop;
  }

  #wait(time: number): void {
    const end = this.#now + time;
    for (const due of timesDue(this.#rules, this.#now, end)) {
      this.#now = due;
      this.#rules.tick(due, this);
    }
    this.#now = end;
  }

  sendDatagram({ bytes, at, length, address, port, local }: UdpDatagram): void {
    const b = bytes.slice(at, at + length);
    assert.ok(local === SERVICE_PATH || this.#ports.has(local), `nobody listens on path ${local}`);
    const d = this.#datagram;
    assert.equal(d.parse(b, 0, b.length), Drop.None);
    if (port === TEREDO_PORT && d.nonceAt >= 0 && local === SERVICE_PATH) this.#solicitation = b;
    const source = b.subarray(d.ipv6At + 8, d.ipv6At + 24);
    const to = b.subarray(d.ipv6At + 24, d.ipv6At + 40);
    if (this.#sentBack !== undefined) this.#sentBack += length;
    if (isBubble(b, d.ipv6At) && source[0] === 0xfe && d.originAt < 0) this.#bubbled(to, source);
    else if (this.#isOwn(source)) {
      assert.ok(isGlobalUnicast(address, false), "a native host's packet to a private address");
      assert.ok(this.#heard.has(keyOf(to)), "a packet to who has never been heard of");
    } else assert.notEqual(keyOf(source), keyOf(FOREIGN), "a packet of another host");
  }

  #isOwn(address: Uint8Array): boolean {
    return OWN.some((own) => keyOf(own) === keyOf(address));
  }

  /** A relay's bubble, whose source is a token: of what the client sends the source is its address. */
  #bubbled(to: Uint8Array, source: Uint8Array): void {
    const key = keyOf(to);
    this.#tokens.set(key, source.slice());
    // What answers a stranger keeps no state: not more bytes than came bound it.
    if (this.#sentBack !== undefined) return;
    const recent = (this.#bubbles.get(key) ?? []).filter((at) => this.#now - at < BUBBLES_WINDOW);
    recent.push(this.#now);
    this.#bubbles.set(key, recent);
    assert.ok(recent.length <= BUBBLES_MAX, `${recent.length} bubbles in 300 s to who is silent`);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    assert.ok(b[at]! >> 4 === 6 && length >= 40);
    const to = b.subarray(at + 24, at + 40);
    const { address, deprecated } = this.#rules.status();
    const homes = [address, ...deprecated].map((it) => it && keyOf(it));
    const isClients = homes.includes(keyOf(to));
    assert.ok(isClients || this.#isOwn(to), "delivered to somebody else");
    assert.ok(isClients || isTeredo(b, at + 8, SERVICE_PREFIX), "from no Teredo client (H-09)");
    assert.notEqual(keyOf(to), keyOf(parseIpv6(HOST)!));
  }

  sendIcmpv6Error(): void {}
}
