import type { TunnelSink } from "#src/protocol/tunnel.ts";
import assert from "node:assert/strict";
import { isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { Counter, type CounterName, type Counters, DROPS_AT } from "#src/protocol/counters.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { DESTINATION_AT, isBubble, isMulticast, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import type { Relay } from "#src/protocol/relay/rules.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { mayBeToken } from "#src/protocol/guard/token.ts";
import { arrival } from "#test/protocol/packets.ts";
import { keyOf } from "./packets.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";

const SPACING = 2_000;
const WINDOW = 300_000;
const MAX_BUBBLES = 4;
const TOKEN_LIFETIME = 60_000;
/** Ethernet with its check sequence, IPv4 and UDP. */
const OUTER_HEADERS_LENGTH = 46;
/** Calls from one look into the books to the next. */
const BOOKKEEPING = 16;

/** What the watch knows of one Teredo address. */
interface Watched {
  /** Times of bubbles since it was last heard of. */
  bubbles: number[];
  lastBubble: number;
  /** The source of the last bubbles it was sent, and when; no challenge makes a peer without. */
  tokens: Map<string, number>;
}

type Call = "ipv6" | "client" | "tick";

/**
 * A relay that checks itself: each call and all its output against what must always hold.
 *
 * - Nothing goes to an address that is not global unicast.
 * - To one peer: bubbles 2 s apart, and never five in 300 s without an answer (RFC 4380 §5.2.6),
 *   unless the table was too small for its peers.
 * - An unknown peer gets no more bytes than it sent, and becomes known only by a token.
 * - No ICMPv6 error about an ICMPv6 error, a bubble or multicast (RFC 4443 §2.4).
 * - What is held stays within its limits.
 * - Every packet in is sent, swallowed, held or counted as one drop.
 * - What {@link Relay.isOpen} says yes to is sent at once.
 */
export class RelayWatch implements TunnelSink {
  readonly #relay: Relay;
  readonly #counters: Counters;
  readonly #options: RelayOptions;
  readonly #out: TunnelSink;
  /** What the counters had counted before. */
  readonly #before: Counters;
  readonly #watched = new Map<string, Watched>();
  readonly #parsed = new TeredoDatagram();
  readonly #copy: Float64Array;
  #call: Call = "tick";
  #now = 0;
  #udpBytes = 0;
  #calls = 0;
  readonly #seen = {
    packetsIn: 0,
    dataSent: 0,
    ipv6Sent: 0,
    swallowed: 0,
    challenges: 0,
    bubbles: 0,
    errors: 0,
  };

  constructor(relay: Relay, counters: Counters, options: RelayOptions, out: TunnelSink) {
    this.#relay = relay;
    this.#counters = counters;
    this.#before = counters.slice();
    this.#copy = new Float64Array(counters.length);
    this.#options = options;
    this.#out = out;
  }

  fromIpv6(b: Uint8Array, now: number): Drop {
    this.#begin("ipv6", now);
    this.#seen.packetsIn++;
    const { dataSent } = this.#seen;
    const open = this.#isOpen(b, now);
    const drop = this.#relay.fromIpv6(b, 0, b.length, now, this);
    const sent = this.#seen.dataSent - dataSent;
    // Who is trusted but has not proven itself may be sent to, and is not open to super-packets.
    assert.ok(open ? sent === 1 : sent <= 1, `${sent} sent, and isOpen() said ${open}`);
    this.#end();
    return drop;
  }

  fromClient(b: Uint8Array, address: number, port: number, local: number, now: number): Drop {
    this.#begin("client", now);
    this.#seen.packetsIn++;
    const before = this.#relay.gauges.peers;
    const drop = this.#relay.fromUdp(arrival(b, address, port, local), now, this);
    // These came from a peer, though their destinations were no good.
    const heard = drop === Drop.None || drop === Drop.DestinationScope ||
      drop === Drop.DestinationNotServed;
    if (drop === Drop.UnknownPeer || drop === Drop.RateLimited) {
      const came = b.length + OUTER_HEADERS_LENGTH;
      assert.ok(this.#udpBytes <= came, `${this.#udpBytes} bytes sent for ${came}`);
    } else if (!heard) assert.equal(this.#udpBytes, 0, "an answer to what was dropped");
    const ipv6At = this.#parsed.parse(b, 0, b.length) === Drop.None ? this.#parsed.ipv6At : -1;
    if (this.#relay.gauges.peers > before) this.#checkAdmission(b, ipv6At);
    if (heard) this.#watch(b, ipv6At + SOURCE_AT).bubbles = [];
    if (drop === Drop.None && isBubble(b, ipv6At)) this.#seen.swallowed++;
    this.#end();
    return drop;
  }

  /** Runs all timers due until `now`, each at its time. */
  runTimers(now: number): void {
    for (let next = this.#relay.nextTimer(); next <= now; next = this.#relay.nextTimer()) {
      this.#begin("tick", Math.max(this.#now, next));
      this.#relay.tick(this.#now, this);
      this.#end();
    }
  }

  nextTimer(): number {
    return this.#relay.nextTimer();
  }

  sendDatagram(datagram: UdpDatagram): void {
    const { bytes: b, at, length, address, port } = datagram;
    assert.ok(isGlobalUnicast(address, this.#options.refuseReserved), `sent to ${address}`);
    assert.ok(port > 0 && port < 65_536);
    assert.ok(!this.#options.ownAddresses.includes(address) || port !== this.#options.servicePort);
    if (isBubble(b, at) && mayBeToken(b, at + SOURCE_AT)) this.#checkBubble(b, at, length, port);
    else this.#seen.dataSent++;
    this.#udpBytes += length + OUTER_HEADERS_LENGTH;
    this.#out.sendDatagram(datagram);
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    assert.equal(this.#call, "client");
    assert.ok(!isMulticast(b, at + DESTINATION_AT));
    this.#seen.ipv6Sent++;
    this.#out.sendIpv6(b, at, length);
  }

  sendIcmpv6Error(b: Uint8Array, at: number, length: number): void {
    assert.ok(length >= 48 + 40 && length <= 1_280);
    const quoted = at + 48;
    assert.deepEqual(
      b.subarray(at + DESTINATION_AT, at + DESTINATION_AT + 16),
      b.subarray(quoted + SOURCE_AT, quoted + SOURCE_AT + 16),
    );
    assert.ok(!isMulticast(b, quoted + DESTINATION_AT) && !isMulticast(b, quoted + SOURCE_AT));
    assert.notEqual(b[quoted + 6], 59, "an error about a bubble");
    if (b[quoted + 6] === 58) assert.ok(b[quoted + 40]! >= 128, "an error about an error");
    this.#seen.errors++;
    this.#out.sendIcmpv6Error(b, at, length);
  }

  /** Checks that the relay has forgotten everything, after long silence. */
  checkEmpty(): void {
    this.checkBooks();
    const empty = { peers: 0, trusted: 0, resolving: 0, failed: 0, heldPackets: 0, heldBytes: 0 };
    assert.deepEqual(this.#relay.gauges, empty);
    assert.equal(this.#relay.nextTimer(), Infinity);
  }

  /** Whether the relay says that it would send the packet at once, which must change nothing. */
  #isOpen(b: Uint8Array, now: number): boolean {
    const before = this.#copy;
    before.set(this.#counters);
    const { peers, heldPackets, heldBytes } = this.#relay.gauges;
    const timer = this.#relay.nextTimer();
    const open = this.#relay.isOpen(b, 0, b.length, now);
    assert.ok(this.#counters.every((count, i) => count === before[i]), "isOpen() counted");
    const after = this.#relay.gauges;
    assert.equal(after.peers, peers);
    assert.equal(after.heldPackets, heldPackets);
    assert.equal(after.heldBytes, heldBytes);
    assert.equal(this.#relay.nextTimer(), timer);
    return open;
  }

  #begin(call: Call, now: number): void {
    assert.ok(now >= this.#now, "time went back");
    this.#call = call;
    this.#now = now;
    this.#udpBytes = 0;
  }

  #end(): void {
    const { heldBytes, heldPackets, peers, trusted } = this.#relay.gauges;
    assert.ok(heldBytes <= this.#options.holdMemory && heldPackets * 40 <= heldBytes);
    assert.ok(trusted <= peers && peers <= this.#options.maxPeers);
    if (++this.#calls % BOOKKEEPING === 0) this.checkBooks();
  }

  /** Every packet in has gone somewhere, and the counters say what was seen. */
  checkBooks(): void {
    const seen = this.#seen;
    const { heldPackets } = this.#relay.gauges;
    const counted = this.#counters.map((n, cell) => n - this.#before[cell]!);
    const linkMessages = counted[Counter.link_messages]!;
    const drops = counted.subarray(DROPS_AT).reduce((sum, n) => sum + n, 0);
    assert.equal(
      seen.packetsIn,
      seen.dataSent + seen.ipv6Sent + seen.swallowed + heldPackets + drops + linkMessages,
      "a packet in is neither sent, swallowed, held nor counted as a drop",
    );
    const count = (name: CounterName) => counted[Counter[name]];
    assert.equal(seen.errors, count("icmpv6_errors_sent"));
    assert.equal(seen.swallowed, count("bubbles_received"));
    assert.equal(seen.challenges, count("bubbles_sent_challenge"));
    assert.equal(
      seen.bubbles,
      count("bubbles_sent_direct")! + count("bubbles_sent_indirect")!,
    );
  }

  #checkBubble(b: Uint8Array, at: number, length: number, port: number): void {
    assert.equal(length, 40);
    assert.equal(b[at + 7], 0);
    const peer = this.#watch(b, at + DESTINATION_AT);
    peer.tokens.set(keyOf(b, at + SOURCE_AT), this.#now);
    if (peer.tokens.size > 8) peer.tokens.delete(peer.tokens.keys().next().value!);
    if (this.#call === "client") {
      this.#seen.challenges++;
      return;
    }
    this.#seen.bubbles++;
    // What was forgotten for want of room cannot be limited.
    const evicted = Counter.peers_evicted;
    if (this.#counters[evicted]! > this.#before[evicted]!) return;
    // The direct one of a pair goes first, and the pair counts as one.
    if (this.#options.restricted && port === 3544 && peer.lastBubble === this.#now) return;
    assert.ok(
      this.#now - peer.lastBubble >= SPACING,
      `bubble after ${this.#now - peer.lastBubble}`,
    );
    peer.lastBubble = this.#now;
    peer.bubbles = peer.bubbles.filter((time) => this.#now - time < WINDOW);
    peer.bubbles.push(this.#now);
    assert.ok(peer.bubbles.length <= MAX_BUBBLES, "a fifth bubble in 300 s without an answer");
  }

  /** Only an answer to a bubble of ours makes an entry for a packet from outside. */
  #checkAdmission(b: Uint8Array, ipv6At: number): void {
    assert.ok(isBubble(b, ipv6At), "unsolicited data made an entry");
    const { tokens } = this.#watch(b, ipv6At + SOURCE_AT);
    const sentAt = tokens.get(keyOf(b, ipv6At + DESTINATION_AT));
    assert.ok(sentAt !== undefined, "a bubble without token made an entry");
    assert.ok(this.#now - sentAt < TOKEN_LIFETIME, "an old token made an entry");
  }

  #watch(b: Uint8Array, at: number): Watched {
    const key = keyOf(b, at);
    let watched = this.#watched.get(key);
    if (watched === undefined) {
      watched = { bubbles: [], lastBubble: -Infinity, tokens: new Map() };
      this.#watched.set(key, watched);
    }
    return watched;
  }
}
