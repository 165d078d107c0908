import { type Counters, COUNTERS_LENGTH, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { copyBytes, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { IPV6_HEADER_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { FATE, FATE_LENGTH, MAX_HEADER, MAX_SENT, Way, writeTime } from "./fate.ts";
import type { FateMatch } from "./match.ts";
import type { FateRing } from "./ring.ts";

/**
 * Writes down what becomes of the packets of some peers. The rules know nothing of it: what they did
 * is read from what they counted, sent and returned.
 */
export class FateRecorder {
  readonly #ring: FateRing;
  readonly #match: FateMatch;
  readonly #counters: Counters;
  readonly #before = makeCounters();
  readonly #datagram = new TeredoDatagram();
  /** Of the packet that the rules are at. */
  readonly #fate = new Uint8Array(FATE_LENGTH);
  /** Of one that had been held, and is let go while the rules are at that one. */
  readonly #held = new Uint8Array(FATE_LENGTH);

  constructor(ring: FateRing, match: FateMatch, counters: Counters) {
    this.#ring = ring;
    this.#match = match;
    this.#counters = counters;
  }

  /** Before the rules see a datagram, which they may change. */
  beginDatagram(arrival: UdpDatagram): void {
    const { bytes, at, length, address, port } = arrival;
    this.#begin(Way.Udp, length);
    setEnd(this.#fate, address, port);
    this.#setPacketOf(bytes, at, length);
  }

  #setPacketOf(bytes: Uint8Array, at: number, length: number): void {
    const datagram = this.#datagram;
    const parsed = datagram.parse(bytes, at, length) === Drop.None;
    if (parsed) setPacket(this.#fate, bytes, datagram.ipv6At, datagram.ipv6Length);
  }

  /** Before the rules see a packet of the IPv6 side. */
  beginPacket(b: Uint8Array, at: number, length: number): void {
    this.#begin(Way.Ipv6, length);
    if (length >= IPV6_HEADER_LENGTH && b[at]! >> 4 === 6) setPacket(this.#fate, b, at, length);
  }

  /** The rules sent a datagram on account of what was begun. */
  sent({ address, port }: UdpDatagram): void {
    const fate = this.#fate;
    const count = fate[FATE.sent]!;
    if (count < MAX_SENT) writeEnd(fate, FATE.ends + 6 * count, address, port);
    fate[FATE.sent] = Math.min(count + 1, 0xff);
  }

  /** The rules passed a packet to the IPv6 side. */
  passed(): void {
    this.#fate[FATE.passed] = 1;
  }

  /** The rules are done with what was begun. */
  end(drop: Drop): void {
    const fate = this.#fate;
    if (!this.#match.has(fate)) return;
    fate[FATE.drop] = drop;
    for (let i = 0; i < COUNTERS_LENGTH; i++) {
      fate[FATE.raised + i] = Math.min(this.#counters[i]! - this.#before[i]!, 0xff);
    }
    this.#put(fate);
  }

  /** A timer sent a datagram: a bubble, or of a client's a test or a solicitation. */
  sentByTimer(datagram: UdpDatagram): void {
    const { bytes, at, length, address, port } = datagram;
    this.#begin(Way.Timer, length);
    this.#setPacketOf(bytes, at, length);
    this.sent(datagram);
    setEnd(this.#fate, address, port);
    this.end(Drop.None);
  }

  /** A timer had an ICMPv6 error sent. */
  refusedByTimer(b: Uint8Array, at: number, length: number): void {
    this.#begin(Way.Timer, length);
    setPacket(this.#fate, b, at, length);
    this.end(Drop.None);
  }

  /** A packet that was held is let go; it may happen while the rules are at another one. */
  letGo(b: Uint8Array, at: number, length: number, drop: Drop): void {
    const fate = this.#held;
    clear(fate, Way.Hold, length);
    setPacket(fate, b, at, length);
    fate[FATE.drop] = drop;
    if (this.#match.has(fate)) this.#put(fate);
  }

  #put(fate: Uint8Array): void {
    writeTime(fate, Date.now());
    this.#ring.put(fate);
  }

  #begin(way: Way, length: number): void {
    clear(this.#fate, way, length);
    this.#before.set(this.#counters);
  }
}

function clear(fate: Uint8Array, way: Way, length: number): void {
  fate.fill(0);
  fate[FATE.way] = way;
  writeU32(fate, FATE.length, length);
}

function setEnd(fate: Uint8Array, address: number, port: number): void {
  writeEnd(fate, FATE.address, address, port);
}

function writeEnd(fate: Uint8Array, at: number, address: number, port: number): void {
  writeU32(fate, at, address);
  writeU16(fate, at + 4, port);
}

function setPacket(fate: Uint8Array, b: Uint8Array, at: number, length: number): void {
  const told = Math.min(length, MAX_HEADER);
  fate[FATE.ipv6Length] = told;
  copyBytes(fate, FATE.ipv6, b, at, told);
}
