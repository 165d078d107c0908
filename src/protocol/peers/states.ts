import type { TunnelSink } from "../tunnel.ts";
import { BUBBLE_INTERVAL, BUBBLE_MAX, type Bubbles, REFRESH_AFTER } from "./bubbles.ts";
import { Counter, type Counters } from "../counters.ts";
import { Drop } from "../drops.ts";
import { type Hold, NO_SLOT } from "./hold.ts";
import type { Icmpv6Errors } from "../guard/icmpv6_errors.ts";
import { DESTINATION_AT } from "../wire/ipv6.ts";
import { NO_PEER, type PeerId } from "./index.ts";
import { LegacyRow, ROW_LENGTH } from "./legacy.ts";
import type { Peers } from "./table.ts";
import { mappedAddressOf, mappedPortOf } from "../wire/teredo_address.ts";
import type { Millis } from "../time.ts";
import { Timers } from "./timers.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

/**
 * Most peers of one mapping. A client has one address at a time, and few before they are forgotten;
 * whoever holds a mapping could else fill the table with its servers and flags.
 */
export const MAPPING_PEERS = 64;

/**
 * Part of the table that trusted peers of one IPv4 address may fill, but at least so many peers. Half
 * of it is for those that have proven themselves: others may be forged.
 */
const ADDRESS_SHARE = 1 / 64;
const ADDRESS_PEERS_MIN = 64;

/** Most timers, and most held packets gone stale, that one {@link PeerStates.tick} sees to. */
const TICK_LIMIT = 512;

/**
 * What becomes of a peer: each change of its entry, with the packets held for it, its bubbles and
 * its one timer. RFC 4380 §5.4.1 case 3, §5.4.2
 *
 *     none      -> resolving   a packet came for it
 *     none      -> trusted     it answered a challenge
 *     resolving -> trusted     it was heard of: what was held is sent
 *     resolving -> failed      it left four bubbles unanswered, or no more of them were allowed
 *     trusted   -> resolving   a packet came for it, and it has been silent for 30 s
 *     failed    -> trusted     it was heard of after all
 *     failed    -> resolving   a packet came for it, and fewer went out in the last 300 s
 *     trusted, failed -> none  nothing passed for 300 s
 *
 * Resolving: bubbles go out and packets are held. A trusted entry that is resolving remains
 * trusted for what it receives. Failed: kept only to remember the limit of bubbles.
 */
export class PeerStates {
  readonly #peers: Peers;
  readonly #hold: Hold;
  readonly #bubbles: Bubbles;
  readonly #errors: Icmpv6Errors;
  readonly #counters: Counters;
  readonly #timers: Timers;
  readonly #addressPeers: number;
  /** A packet that was held, on its way to its peer or into an error. */
  readonly #held = new UdpDatagram();

  constructor(
    peers: Peers,
    hold: Hold,
    bubbles: Bubbles,
    errors: Icmpv6Errors,
    counters: Counters,
  ) {
    this.#peers = peers;
    this.#hold = hold;
    this.#bubbles = bubbles;
    this.#errors = errors;
    this.#counters = counters;
    this.#timers = new Timers(peers.capacity);
    this.#addressPeers = Math.max(ADDRESS_PEERS_MIN, peers.capacity * ADDRESS_SHARE);
  }

  nextTimer(): Millis {
    return Math.min(this.#timers.next(), this.#hold.nextExpiry());
  }

  /** Sees to what is due, a bounded part of it. */
  tick(now: Millis, sink: TunnelSink): void {
    this.#hold.expire(now, TICK_LIMIT);
    for (let i = 0; i < TICK_LIMIT; i++) {
      const p = this.#timers.take(now);
      if (p === NO_PEER) return;
      if (this.#peers.isResolving(p)) this.#repeat(p, now, sink);
      else this.#expire(p, now);
    }
  }

  /**
   * Case 1: `packet` goes to a trusted and valid peer, at once.
   *
   * Whoever can forge the IPv4 source of one datagram makes a peer trusted (RFC 4380 §5.4.2): until
   * it has proven itself by a token, it gets no flood, and is asked to.
   */
  send(p: PeerId, packet: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const peers = this.#peers;
    const proven = peers.isProven(p);
    if (!proven && !this.#bubbles.mayCarry(p, now)) return Drop.RateLimited;
    this.#transmit(p, packet, now, sink);
    const since = proven ? peers.lastReceived(p) : peers.lastBubble(p);
    if (now - since >= REFRESH_AFTER) this.#bubbles.refresh(p, now, sink);
    return Drop.None;
  }

  /** Case 3: `p` is not trusted or no longer valid, or {@link NO_PEER}. */
  holdAndBubble(p: PeerId, packet: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    if (p === NO_PEER) return this.#meet(packet, now, sink);
    const resolving = this.#peers.isResolving(p);
    if (!resolving && this.#bubbles.areExhausted(p, now)) {
      this.#errors.unreachable(packet, now, sink);
      return Drop.PeerUnreachable;
    }
    const held = this.#hold.push(p, packet.bytes, packet.at, packet.length, now);
    this.#peers.setWanted(p);
    if (!resolving) {
      this.#peers.setResolving(p, true);
      this.#repeat(p, now, sink);
    }
    return held ? Drop.None : Drop.HoldFull;
  }

  /**
   * What {@link send} or {@link holdAndBubble} would say to a packet for `p`, which changes nothing.
   *
   * @param length of the packet, in bytes
   */
  foresee(p: PeerId, length: number, now: Millis): Drop {
    const peers = this.#peers;
    if (peers.isValid(p, now)) {
      return peers.isProven(p) || this.#bubbles.couldCarry(p, now) ? Drop.None : Drop.RateLimited;
    }
    if (!peers.isResolving(p) && this.#bubbles.areExhausted(p, now)) return Drop.PeerUnreachable;
    return this.#hold.couldPush(p, length) ? Drop.None : Drop.HoldFull;
  }

  /** The same for a peer at the 16 address bytes at `at` that has no entry. */
  foreseeMeeting(b: Uint8Array, at: number, now: Millis): Drop {
    return this.#bubbles.couldMeet(b, at, now) ? Drop.None : Drop.RateLimited;
  }

  /** The first packet for a peer. One that there is no bubble for is not kept: nor is the peer. */
  #meet(packet: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { bytes, at, length } = packet;
    if (!this.#bubbles.mayMeet(bytes, at + DESTINATION_AT, now)) return Drop.RateLimited;
    const p = this.#create(bytes, at + DESTINATION_AT, false, now);
    if (p === NO_PEER) return Drop.PeerTableFull;
    const held = this.#hold.push(p, bytes, at, length, now);
    this.#peers.setResolving(p, true);
    this.#peers.addTurn(p);
    this.#bubbles.send(p, now, sink);
    this.#timers.set(p, now + BUBBLE_INTERVAL, now);
    return held ? Drop.None : Drop.HoldFull;
  }

  /** A packet came from a trusted peer at its mapping, with no packets held for it. */
  hear(p: PeerId, local: number, now: Millis): void {
    if (this.#peers.bubblesSent(p) > 0) this.#counters[Counter.bubbles_answered]!++;
    this.#peers.received(p, now);
    this.#peers.setLocalAddress(p, local);
  }

  /**
   * RFC 4380 §5.4.2: the entry becomes trusted, then what was held for it is sent; unless its IPv4
   * address has its share of the table.
   *
   * @param proven whether the datagram is an answer to a bubble, or came from where one did before
   */
  trust(p: PeerId, arrival: UdpDatagram, proven: boolean, now: Millis, sink: TunnelSink): Drop {
    const { address, port, local } = arrival;
    const counted = this.#peers.isTrusted(p) && this.#peers.mappedAddress(p) === address;
    if (!counted && !this.#hasRoomFor(address, proven)) return Drop.PeerTableFull;
    if (!this.#peers.isTrusted(p)) {
      this.#counters[Counter.peers_trusted]!++;
      this.#peers.setTrustedSince(p, now);
    }
    this.#peers.setTrusted(p, true);
    this.#peers.setResolving(p, false);
    this.#peers.setMapping(p, address, port, local);
    this.#peers.setProven(p, proven);
    this.hear(p, local, now);
    this.#release(p, now, sink);
    return Drop.None;
  }

  #hasRoomFor(address: number, proven: boolean): boolean {
    const most = proven ? this.#addressPeers : this.#addressPeers / 2;
    return this.#peers.trustedAt(address) < most;
  }

  /**
   * An entry, trusted from the start, for the 16 address bytes at `at` in `arrival`: the peer
   * answered a challenge from where its address says that it is.
   */
  admit(arrival: UdpDatagram, at: number, now: Millis, sink: TunnelSink): Drop {
    if (!this.#hasRoomFor(arrival.address, true)) return Drop.PeerTableFull;
    const p = this.#create(arrival.bytes, at, true, now);
    if (p === NO_PEER) return Drop.PeerTableFull;
    this.#counters[Counter.bubbles_answered]!++;
    this.trust(p, arrival, true, now, sink);
    this.#timers.set(p, this.#peers.expiry(p), now);
    return Drop.None;
  }

  /**
   * Takes over the peers that the relay before this one knew, with the standing and the past that they
   * had there: what they were asked and did not answer counts on. Nothing is held for them, and no
   * bubble is on its way. Where there is no room for all, who would give way first stays out.
   *
   * @param rows of `writeLegacy()`, written at `written` by our clock
   */
  takeOver(
    rows: Uint8Array,
    written: Millis,
    now: Millis,
    accepts: (row: LegacyRow) => boolean,
  ): void {
    const row = new LegacyRow();
    const each = (take: () => void) => {
      for (let at = 0; at + ROW_LENGTH <= rows.length; at += ROW_LENGTH) {
        row.read(rows, at, written);
        if (!row.isForgotten(now) && accepts(row)) take();
      }
    };
    let spare = -this.#peers.capacity;
    each(() => spare++);
    each(() => spare-- > 0 || this.#enter(row, now));
  }

  #enter(row: LegacyRow, now: Millis): void {
    const peers = this.#peers;
    const { bytes, at, address, trusted, proven } = row;
    if (peers.size === peers.capacity || peers.find(bytes, at) !== NO_PEER) return;
    if (peers.countOfMapping(bytes, at) >= MAPPING_PEERS) return;
    if (trusted && !this.#hasRoomFor(address, proven)) return;
    const p = peers.insert(bytes, at, now);
    peers.setMapping(p, address, row.port, row.local);
    peers.setTrusted(p, trusted);
    peers.setProven(p, trusted && proven);
    peers.setTrustedSince(p, row.trustedSince);
    peers.setPast(p, row.received, row.transmitted, row.bubble, row.bubbles);
    this.#timers.set(p, peers.expiry(p), now);
    this.#counters[Counter.peers_taken_over]!++;
  }

  #transmit(p: PeerId, packet: UdpDatagram, now: Millis, sink: TunnelSink): void {
    const peers = this.#peers;
    packet.setEnds(peers.mappedAddress(p), peers.mappedPort(p), peers.localAddress(p));
    sink.sendDatagram(packet);
    peers.transmitted(p, now);
  }

  #release(p: PeerId, now: Millis, sink: TunnelSink): void {
    const hold = this.#hold;
    for (let slot = hold.first(p); slot !== NO_SLOT; slot = hold.first(p)) {
      this.#held.setPayload(hold.memory, hold.at(slot), hold.length(slot));
      this.#transmit(p, this.#held, now, sink);
      this.#peers.traffic.sent(p, 1, hold.length(slot));
      hold.shift(p);
      this.#counters[Counter.packets_released]!++;
    }
  }

  /**
   * A bubble and its timer of 2 s, or the end of waiting. A turn passes also when the budgets allow
   * no bubble: what waits for one waits no longer.
   */
  #repeat(p: PeerId, now: Millis, sink: TunnelSink): void {
    const next = this.#bubbles.nextAt(p);
    if (now < next) return this.#timers.set(p, next, now);
    const waited = this.#peers.turns(p) >= BUBBLE_MAX;
    if (waited || this.#bubbles.areExhausted(p, now)) return this.#fail(p, now, sink);
    this.#peers.addTurn(p);
    if (this.#bubbles.mayAsk(p, now)) this.#bubbles.send(p, now, sink);
    this.#timers.set(p, now + BUBBLE_INTERVAL, now);
  }

  /** No answer: what was held cannot be delivered, and its senders are told. RFC 4443 §3.1 */
  #fail(p: PeerId, now: Millis, sink: TunnelSink): void {
    const hold = this.#hold;
    this.#counters[Counter.peers_failed]!++;
    this.#peers.setResolving(p, false);
    this.#peers.setTrusted(p, false);
    this.#peers.setProven(p, false);
    for (let slot = hold.first(p); slot !== NO_SLOT; slot = hold.next(slot)) {
      this.#held.setPayload(hold.memory, hold.at(slot), hold.length(slot));
      this.#errors.unreachable(this.#held, now, sink);
    }
    hold.discard(p, Drop.PeerUnreachable);
    this.#timers.set(p, this.#peers.expiry(p), now);
  }

  /** Timers are not moved when packets pass: one that fires looks how long the silence is. */
  #expire(p: PeerId, now: Millis): void {
    const expiry = this.#peers.expiry(p);
    if (now < expiry) return this.#timers.set(p, expiry, now);
    this.#remove(p);
    this.#counters[Counter.peers_expired]!++;
  }

  /** An entry mapped to where the address says, in the place of an older one if need be. */
  #create(b: Uint8Array, at: number, proven: boolean, now: Millis): PeerId {
    const peers = this.#peers;
    const crowded = peers.countOfMapping(b, at) >= MAPPING_PEERS;
    if (crowded || peers.size === peers.capacity) {
      const oldest = crowded ? peers.oldestOfMapping(b, at, proven, now) : peers.oldest(now);
      if (oldest === NO_PEER) return NO_PEER;
      this.#remove(oldest);
      this.#counters[Counter.peers_evicted]!++;
    }
    const p = peers.insert(b, at, now);
    peers.setMapping(p, mappedAddressOf(b, at), mappedPortOf(b, at), 0);
    this.#counters[Counter.peers_created]!++;
    return p;
  }

  #remove(p: PeerId): void {
    this.#timers.cancel(p);
    this.#hold.discard(p, Drop.PeerTableFull);
    this.#peers.remove(p);
  }
}
