import { type Counters, COUNTERS_LENGTH, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { PeerMatch, type PeerPattern } from "#src/protocol/peers/pattern.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import {
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { FATE, FATE_LENGTH, MAX_SENT, Way } from "./fate.ts";
import { FateRing } from "./ring.ts";

/** What a thread gets that is to tell the fates of one peer's packets. */
export interface FateOptions {
  readonly ring: SharedArrayBuffer;
  readonly peer: PeerPattern;
}

/**
 * Writes down what becomes of the packets of one peer. The rules know nothing of it: what they did
 * is read from what they counted, sent and returned.
 */
export class FateRecorder {
  readonly #ring: FateRing;
  readonly #match: PeerMatch;
  readonly #counters: Counters;
  readonly #before = makeCounters();
  readonly #datagram = new TeredoDatagram();
  readonly #fate = new Uint8Array(FATE_LENGTH);
  #meant = false;

  constructor({ ring, peer }: FateOptions, counters: Counters, servicePrefix: number) {
    this.#ring = new FateRing(ring);
    this.#match = new PeerMatch(peer, servicePrefix);
    this.#counters = counters;
  }

  /** Before the rules see a datagram, which they may change. */
  beginDatagram(arrival: UdpDatagram): void {
    const { bytes, at, length, address, port } = arrival;
    this.#begin(Way.Udp, length);
    this.#setEnd(address, port);
    if (this.#match.isEnd(address, port)) this.#meant = true;
    const parsed = this.#datagram.parse(bytes, at, length) === Drop.None;
    if (parsed) this.#setPacket(bytes, this.#datagram.ipv6At);
  }

  /** Before the rules see a packet of the IPv6 side. */
  beginPacket(b: Uint8Array, at: number, length: number): void {
    this.#begin(Way.Ipv6, length);
    if (length >= IPV6_HEADER_LENGTH && b[at]! >> 4 === 6) this.#setPacket(b, at);
  }

  /** The rules sent a datagram on account of what was begun. */
  sent(datagram: UdpDatagram): void {
    const { address, port } = datagram;
    if (this.#match.isEnd(address, port)) this.#meant = true;
    const fate = this.#fate;
    const count = fate[FATE.sent]!;
    if (count < MAX_SENT) this.#writeEnd(count, address, port);
    fate[FATE.sent] = Math.min(count + 1, 0xff);
  }

  /** The rules passed a packet to the IPv6 side. */
  passed(): void {
    this.#fate[FATE.passed] = 1;
  }

  /** The rules are done with what was begun. */
  end(drop: Drop): void {
    if (!this.#meant) return;
    const fate = this.#fate;
    fate[FATE.drop] = drop;
    for (let i = 0; i < COUNTERS_LENGTH; i++) {
      fate[FATE.raised + i] = Math.min(this.#counters[i]! - this.#before[i]!, 0xff);
    }
    this.#ring.put(fate);
  }

  /** A timer sent a datagram, which holds a bubble. */
  sentByTimer(datagram: UdpDatagram): void {
    const { bytes, at, length, address, port } = datagram;
    this.#begin(Way.Timer, length);
    this.#setPacket(bytes, at);
    this.sent(datagram);
    this.#setEnd(address, port);
    this.end(Drop.None);
  }

  /** A timer had an ICMPv6 error sent. */
  refusedByTimer(b: Uint8Array, at: number, length: number): void {
    this.#begin(Way.Timer, length);
    this.#setPacket(b, at);
    this.end(Drop.None);
  }

  /** A packet that was held is let go; it may happen while the rules are at another one. */
  letGo(b: Uint8Array, at: number, length: number, drop: Drop): void {
    if (!this.#match.isPacket(b, at)) return;
    const other = this.#fate.slice();
    const meant = this.#meant;
    this.#clear(Way.Hold, length);
    this.#setPacket(b, at);
    this.#fate[FATE.drop] = drop;
    this.#ring.put(this.#fate);
    this.#fate.set(other);
    this.#meant = meant;
  }

  #begin(way: Way, length: number): void {
    this.#clear(way, length);
    this.#before.set(this.#counters);
  }

  #clear(way: Way, length: number): void {
    this.#meant = false;
    this.#fate.fill(0);
    this.#fate[FATE.way] = way;
    writeU32(this.#fate, FATE.length, length);
  }

  #setEnd(address: number, port: number): void {
    writeU32(this.#fate, FATE.address, address);
    writeU16(this.#fate, FATE.port, port);
  }

  #setPacket(b: Uint8Array, at: number): void {
    const fate = this.#fate;
    if (this.#match.isPacket(b, at)) this.#meant = true;
    fate[FATE.hasIpv6] = 1;
    fate[FATE.nextHeader] = b[at + NEXT_HEADER_AT]!;
    for (let i = 0; i < 2 * IPV6_LENGTH; i++) fate[FATE.source + i] = b[at + SOURCE_AT + i]!;
  }

  #writeEnd(i: number, address: number, port: number): void {
    writeU32(this.#fate, FATE.ends + 6 * i, address);
    writeU16(this.#fate, FATE.ends + 6 * i + 4, port);
  }
}
