import assert from "node:assert/strict";
import { makeCounters } from "#src/protocol/counters.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import type { TunnelGauges, TunnelSink } from "#src/protocol/tunnel.ts";
import { Relay } from "#src/protocol/relay/rules.ts";
import { readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { parseIpv6, parseIpv6Prefix, writeIpv6Header } from "#src/protocol/wire/ipv6.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { CLIENTS, MAPPED } from "#test/protocol/relay/clients.ts";
import { keyedHash, RELAY_OPTIONS } from "#test/protocol/relay/lab.ts";
import { RELAY } from "#test/protocol/vectors.ts";
import { keyOf } from "#test/sim/packets.ts";
import { RelayWatch } from "#test/sim/relay_watch.ts";
import { Choices } from "../engine/choices.ts";
import type { Target } from "../engine/target.ts";
import { HEADROOM, MadeDatagram } from "../inputs/made_datagram.ts";

/** Bytes of an event: what, which client, which host, what of it; then a datagram's, where it has one. */
const EVENT = 16;
const MOST = 32;

const BROADCAST = 0x080808ff;
const HOSTS = ["2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2a00::1", "2606:4700::1", "fe80::1"]
  .concat(["ff02::1", "ff02::16", "::", "::1", "2001:0:1::1", "2001::1", "::ffff:192.0.2.1"])
  .map((text) => parseIpv6(text)!);

const NARROW: RelayOptions = {
  ...RELAY_OPTIONS,
  maxPeers: 3,
  holdPackets: 2,
  holdBytes: 200,
  holdMemory: 3 * 1280,
  holdAge: 3_000,
  icmpRate: 1,
  icmpBurst: 2,
  challengeRate: 2,
};
const LIMITED: RelayOptions = {
  ...RELAY_OPTIONS,
  newPeerRate: 2,
  bubbleRate: 8,
  addressBubbleRate: 4,
  served: [parseIpv6Prefix("2001:db8::/32")!, parseIpv6Prefix("2a00::/13")!],
};
const VARIANTS: readonly RelayOptions[] = [
  RELAY_OPTIONS,
  { ...RELAY_OPTIONS, restricted: true },
  NARROW,
  { ...LIMITED },
  { ...LIMITED, restricted: true, refuseReserved: true, maxPeers: 4 },
];

/** A conversation: clients, native hosts and strangers with a relay, by a clock of its own. */
export const target: Target = {
  name: "relay",
  unit: EVENT,
  most: MOST * EVENT,
  seeds: () => VARIANTS.map((_, i) => Uint8Array.of(i, ...SEED)),
  open: () => {
    const plays = VARIANTS.map((options) => new Play(options));
    const choices = new Choices();
    return (input) => plays[(input[0] ?? 0) % plays.length]!.play(choices.take(input, 1));
  },
};

const event = (...bytes: number[]) => [...bytes, ...Array(EVENT).fill(0)].slice(0, EVENT);
/** A host sends, the client answers the bubble, both talk; later the client is asked again. */
const SEED = [
  event(0, 0, 0, 17, 20),
  event(2, 0),
  event(1, 0, 0, 17, 20),
  event(0, 0, 0, 58, 20),
  event(6, 0, 0, 40),
  event(0, 0, 1, 17, 9),
  event(2, 0),
].flat();

class Play implements TunnelSink {
  readonly #options: RelayOptions;
  readonly #counters = makeCounters();
  readonly #relay: Relay;
  #watch: RelayWatch;
  #now = 5_000_000;
  #number = 0;
  /** Of the last bubble that each client was sent. */
  readonly #tokens = new Map<string, Uint8Array>();
  /** By flow: the number of the last packet that arrived. */
  readonly #arrived = new Map<string, number>();
  readonly #made = new MadeDatagram();
  /** Bubbles in the last second, by when they went and to whom. */
  #bubbles: [at: number, address: number][] = [];
  #isSet = false;
  #successor: Successor | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#relay = new Relay(options, this.#counters, keyedHash("fuzz"), 99);
    this.#relay.setBroadcasts([BROADCAST]);
    this.#watch = this.#begin();
  }

  #begin(): RelayWatch {
    this.#counters.fill(0);
    this.#tokens.clear();
    this.#arrived.clear();
    this.#bubbles = [];
    return new RelayWatch(this.#relay, this.#counters, this.#options, this);
  }

  play(c: Choices): void {
    this.#watch = this.#begin();
    while (c.left > 0) this.#event(c);
    if (this.#isSet) this.#set(this.#options);
    // All is forgotten in time: nothing grows, and the next conversation finds the same relay.
    this.#wait(700_000);
    this.#watch.checkEmpty();
  }

  #event(c: Choices): void {
    const [kind, client, host, what, size, bits] = [c.u8(), c.u8(), c.u8(), c.u8(), c.u8(), c.u8()];
    const [address, port] = MAPPED[client % MAPPED.length]!;
    const from = CLIENTS[client % CLIENTS.length]!;
    const to = HOSTS[host % HOSTS.length]!;
    const moved = bits & 0x80 ? (port + 1) & 0xffff : port;
    switch (kind % 10) {
      case 0:
      case 1: // a good packet, whose way is followed
        this.#packet(kind % 10 === 0 ? to : from, kind % 10 === 0 ? from : to, what, size);
        this.#rest(c);
        return kind % 10 === 0 ? this.#give() : this.#deliver(address, moved);
      case 2: { // the answer to a bubble
        const token = this.#tokens.get(keyOf(from, 0));
        this.#rest(c);
        if (token === undefined) return;
        this.#packet(from, token, 59, 0);
        return this.#deliver(address, moved);
      }
      case 3: // anything that has the form of a datagram
        this.#made.make(c, bits & 1 ? to : from, bits & 2 ? from : to);
        return this.#deliver(bits & 4 ? size * 0x01010101 : address, moved);
      case 4: // and of a packet
        this.#made.make(c, bits & 1 ? from : to, bits & 2 ? to : from);
        return this.#give();
      case 5: // and anything at all
        this.#made.copy(c.bytes(EVENT * (what % 4) + 10));
        return bits & 1 ? this.#give() : this.#deliver(address, moved);
      case 6:
        this.#rest(c);
        return this.#wait(what * what / (bits & 1 ? 1 : 64));
      case 7:
        this.#rest(c);
        return this.#wait(1_000 * what);
      case 8:
        this.#rest(c);
        return this.#reload(what);
      default:
        this.#rest(c);
        return this.#succeed();
    }
  }

  #rest(c: Choices): void {
    c.bytes(EVENT - 6);
  }

  #give(): void {
    const { bytes, length } = this.#made;
    this.#watch.fromIpv6(bytes.slice(HEADROOM, HEADROOM + length), this.#now);
  }

  #deliver(address: number, port: number): void {
    const { bytes, length } = this.#made;
    const b = bytes.slice(HEADROOM, HEADROOM + length);
    this.#watch.fromClient(b, address >>> 0, port, RELAY, this.#now);
  }

  #wait(time: number): void {
    this.#now += time;
    this.#watch.runTimers(this.#now);
  }

  #set(options: RelayOptions): void {
    this.#isSet = options !== this.#options;
    this.#relay.set(options, this.#now);
  }

  /** Other options for a while, under which the limits that the watch knows hold as well. */
  #reload(what: number): void {
    const { served, holdAge, icmpRate } = this.#options;
    this.#set({
      ...this.#options,
      served: what & 1 ? [parseIpv6Prefix("2001:db8::/33")!] : served,
      holdAge: what & 2 ? holdAge / 2 : holdAge,
      icmpRate: what & 4 ? 0 : icmpRate,
    });
  }

  /** Its peers go to a relay of the same kind, which keeps the rules as well. */
  #succeed(): void {
    const rows = this.#relay.legacy(this.#now);
    assert.equal(rows.length, ROW_LENGTH * this.#relay.gauges.peers);
    this.#successor ??= new Successor(this.#options);
    this.#successor.takeOver(rows, this.#relay.gauges);
  }

  /** With a number, by which it is known when it arrives, and a right checksum of ICMPv6. */
  #packet(from: Uint8Array, to: Uint8Array, what: number, size: number): void {
    const b = this.#made.bytes;
    const at = HEADROOM;
    const next = what === 59 ? 59 : what % 3 === 0 ? 58 : 17;
    const payload = next === 59 ? 0 : 12 + (size < 0xf8 ? size : 5 * size);
    writeIpv6Header(b, at, payload, next, 64);
    b.set(from, at + 8);
    b.set(to, at + 24);
    b.fill(0, at + 40, at + 40 + payload);
    if (next === 17) writeU32(b, at + 40, this.#number++);
    if (next === 58) {
      b[at + 40] = [128, 129, 1, 2, 3, 137, 133, 143][what >> 5]!;
      writeU16(b, at + 42, payloadChecksum(b, at));
    }
    this.#made.length = 40 + payload;
  }

  sendDatagram({ bytes: b, at, length, address }: UdpDatagram): void {
    const isBubble = b[at + 6] === 59;
    if (isBubble && b[at + 8] === 0xfe) {
      this.#tokens.set(keyOf(b, at + 24), b.slice(at + 8, at + 24));
      this.#countBubble(address);
    } else if (b[at + 6] === 17 && length >= 52 && readU32(b, at + 48) === 0) {
      const flow = keyOf(b, at + 8) + keyOf(b, at + 24);
      const number = readU32(b, at + 40);
      // What was damaged may say anything: the numbers of good packets are small.
      if (number < this.#number) {
        assert.ok(number >= (this.#arrived.get(flow) ?? 0), "packets of a flow out of order");
        this.#arrived.set(flow, number);
      }
    }
  }

  /** No second has more than the rate, to all together and to one address. */
  #countBubble(address: number): void {
    const { bubbleRate, addressBubbleRate, challengeRate } = this.#options;
    if (bubbleRate === 0) return;
    this.#bubbles = this.#bubbles.filter(([at]) => this.#now - at < 1_000);
    this.#bubbles.push([this.#now, address]);
    assert.ok(this.#bubbles.length <= bubbleRate + 2 * challengeRate, "bubbles in a second");
    const to = this.#bubbles.filter(([, it]) => it === address).length;
    assert.ok(to <= addressBubbleRate + challengeRate, "bubbles to an address in a second");
  }

  sendIpv6(b: Uint8Array, at: number, length: number): void {
    assert.equal(b[at]! >> 4, 6);
    assert.ok(length >= 40);
  }

  sendIcmpv6Error(): void {}
}

/** The relay that is started next, again and again, by a clock of its own. */
class Successor {
  readonly #relay: Relay;
  #now = 1_000_000;

  constructor(options: RelayOptions) {
    this.#relay = new Relay(options, makeCounters(), keyedHash("other"), 1);
    this.#relay.setBroadcasts([BROADCAST]);
  }

  takeOver(rows: Uint8Array, before: TunnelGauges): void {
    const relay = this.#relay;
    relay.takeOver(rows, this.#now, this.#now + 10, () => true);
    const { peers, trusted } = relay.gauges;
    assert.ok(peers <= before.peers && trusted <= before.trusted && trusted <= peers);
    this.#now += 1_000_000;
    while (relay.nextTimer() <= this.#now) relay.tick(this.#now, NOBODY);
    assert.equal(relay.gauges.peers, 0);
  }
}

const NOBODY: TunnelSink = {
  sendDatagram: () => assert.fail("a bubble that no packet asked for"),
  sendIpv6: () => assert.fail("a packet that did not come"),
  sendIcmpv6Error: () => assert.fail("an error about nothing"),
};
