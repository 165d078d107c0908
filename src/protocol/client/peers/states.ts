import type { Asking } from "./asking.ts";
import type { ClientParts } from "../parts.ts";
import { Counter } from "../../counters.ts";
import { SERVICE_PATH } from "../contract.ts";
import { Drop } from "../../drops.ts";
import { ECHO_TIMEOUT } from "./echo_tests.ts";
import { ClientHolds } from "./holds.ts";
import { NO_SLOT } from "../../peers/hold.ts";
import { isTeredo, mappedAddressOf, mappedPortOf } from "../../wire/teredo_address.ts";
import type { Millis } from "../../time.ts";
import { BUBBLE_INTERVAL, BUBBLE_MAX, BUBBLE_WINDOW, REFRESH_AFTER } from "../../peers/bubbles.ts";
import { LOCAL_MEMORY } from "./paths.ts";
import { isExhausted, NATIVE_REST } from "./patience.ts";
import { Room } from "./room.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import { Timers } from "../../peers/timers.ts";
import type { Strangers } from "../reception/strangers.ts";
import type { TunnelSink } from "../../tunnel.ts";
import { UdpDatagram } from "../../wire/udp_datagram.ts";
import { wayOf } from "./way_of.ts";

/** Most timers that one {@link ClientPeers.tick} sees to. */
const TICK_LIMIT = 512;
/** Who asks for us by way of our server is asked in return so much later, if it was not heard of. */
const INVITATION_DELAY: Millis = 300;
/** Whether the NAT is symmetric decides what a bubble has to say: it waits for that. RFC 6081 §5.4.4 */
const NAT_POLL: Millis = 200;
/** Longer than an indirect bubble in answer to ours can take, where one comes. */
const NONCE_PATIENCE: Millis = 1_000;

/**
 * What becomes of a client's peer: each change of its entry, with the packets held for it and from it,
 * and its one timer. RFC 4380 §5.2.3, §5.2.4
 *
 *     none      -> resolving   a packet came for it; it asked for us by way of our server
 *     none      -> trusted     it came from the mapping in its address
 *     resolving -> trusted     it was heard of, with proof: what was held is sent
 *     resolving -> resting     nothing is held for it any more, or it left all unanswered
 *     trusted   -> resolving   a packet came for it, and it has been silent for 30 s
 *     trusted, resting -> none nothing passed for 300 s, or 600 s after it told on our own link
 */
export class ClientPeers {
  readonly holds: ClientHolds;
  readonly room: Room;
  readonly #parts: ClientParts;
  readonly #strangers: Strangers;
  readonly #timers: Timers;
  /** A packet that was held, on its way out or into an error. */
  readonly #held = new UdpDatagram();
  /** How peers are asked; set once, as it needs this. */
  traversal!: Asking;

  constructor(parts: ClientParts, strangers: Strangers) {
    this.#parts = parts;
    this.#strangers = strangers;
    this.holds = new ClientHolds(parts);
    this.room = new Room(parts, this.holds);
    this.#timers = new Timers(parts.peers.capacity);
  }

  nextTimer(): Millis {
    return Math.min(this.#timers.next(), this.holds.nextExpiry());
  }

  /** Sees to what is due, a bounded part of it. */
  tick(now: Millis, sink: TunnelSink): void {
    this.holds.expire(now, sink);
    for (let i = 0; i < TICK_LIMIT; i++) {
      const p = this.#timers.take(now);
      if (p === NO_PEER) return;
      if (this.#parts.peers.isResolving(p)) this.#repeat(p, now, sink);
      else this.#lookAfter(p, now, sink);
    }
  }

  setTimer(p: PeerId, at: Millis, now: Millis): void {
    this.#timers.set(p, at, now);
  }

  /**
   * The entry of the 16 bytes at `at`, or a new one; {@link NO_PEER}: there is no room.
   *
   * @param isWanted whether it is our host that sends to it
   */
  enter(b: Uint8Array, at: number, now: Millis, isWanted = false): PeerId {
    const { peers, paths, options, counters } = this.#parts;
    const known = peers.find(b, at);
    if (known !== NO_PEER) {
      if (isWanted) this.room.want(known);
      return known;
    }
    if (this.room.isFull(isWanted)) {
      const other = this.room.giveWay(isWanted, now);
      if (other === NO_PEER) return NO_PEER;
      this.#remove(other);
      counters[Counter.peers_evicted]!++;
    }
    const p = peers.insert(b, at, now);
    const isNative = !isTeredo(b, at, options().prefix);
    paths.clear(p, isNative);
    this.room.enter(p, isWanted);
    if (!isNative) peers.setMapping(p, mappedAddressOf(b, at), mappedPortOf(b, at), SERVICE_PATH);
    this.#timers.set(p, peers.expiry(p), now);
    counters[Counter.peers_created]!++;
    return p;
  }

  /** {@link enter} for who wrote to us from the IPv4 address, as far as the limits for strangers go. */
  meet(b: Uint8Array, at: number, address: number, now: Millis, isTold = false): PeerId {
    const known = this.#parts.peers.find(b, at);
    if (known !== NO_PEER) return known;
    return this.#strangers.mayMeet(address, isTold, now) ? this.enter(b, at, now) : NO_PEER;
  }

  /** Case 1: `packet` goes to a trusted and valid peer, at once. RFC 4380 §5.2.4 */
  send(p: PeerId, packet: UdpDatagram, now: Millis, sink: TunnelSink): void {
    const { peers, paths } = this.#parts;
    packet.setEnds(peers.mappedAddress(p), peers.mappedPort(p), peers.localAddress(p));
    sink.sendDatagram(packet);
    peers.transmitted(p, now);
    paths.dataAt[p] = now;
    if (now - peers.lastReceived(p) >= REFRESH_AFTER) this.traversal.refresh(p, now, sink);
  }

  /** Cases 2, 3 and 5: `packet` waits until the peer has been heard of. RFC 4380 §5.2.4 */
  holdAndAsk(p: PeerId, packet: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { peers, paths, errors } = this.#parts;
    const isResolving = peers.isResolving(p);
    if (!isResolving && isExhausted(this.#parts, p, now)) {
      errors.unreachable(packet, now, sink);
      return Drop.PeerUnreachable;
    }
    const held = this.holds.push(p, packet, now);
    // What cannot wait is lost, but not the ones behind it.
    if (!held) paths.setMissed(p);
    if (!isResolving) this.resolve(p, now, now, sink);
    return held ? Drop.None : Drop.HoldFull;
  }

  /** What {@link holdAndAsk} would say. Changes and counts nothing. */
  foresee(p: PeerId, length: number, now: Millis): Drop {
    const isAsked = this.#parts.peers.isResolving(p);
    if (!isAsked && isExhausted(this.#parts, p, now)) return Drop.PeerUnreachable;
    return this.holds.couldPush(p, length) ? Drop.None : Drop.HoldFull;
  }

  /** A native host's packet waits until the host has shown that it sends from there. §5.2.3 case 6 */
  holdArrival(p: PeerId, arrival: UdpDatagram, at: number, length: number, now: Millis): Drop {
    const { peers } = this.#parts;
    const { bytes, address, port, local } = arrival;
    if (!peers.isMappedTo(p, address, port)) {
      // Whoever comes first during a test may wait for it; the right one needs not wait long.
      if (peers.isValid(p, now) || this.holds.arrivals.count(p) > 0) return Drop.SourceMismatch;
      this.#distrust(p);
      peers.setMapping(p, address, port, local);
    }
    return this.holds.pushArrival(p, bytes, at, length, now) ? Drop.None : Drop.HoldFull;
  }

  /** Starts asking, at `at`. */
  resolve(p: PeerId, at: Millis, now: Millis, sink: TunnelSink): void {
    const { peers, paths } = this.#parts;
    if (paths.isNative(p) && now - peers.lastBubble(p) >= NATIVE_REST) peers.forgetBubbles(p);
    peers.setResolving(p, true);
    if (at > now) this.#timers.set(p, at, now);
    else this.#repeat(p, now, sink);
  }

  /** The peer asked for us by way of our server, and is not heard of: RFC 6081 §6.1, step 4. */
  invite(p: PeerId, isUrgent: boolean, now: Millis, sink: TunnelSink): void {
    this.#parts.paths.setInvited(p);
    if (this.#parts.peers.isResolving(p)) return;
    this.resolve(p, isUrgent ? now : now + INVITATION_DELAY, now, sink);
  }

  /** A packet came from the peer itself, at its mapping. */
  hear(p: PeerId, now: Millis): void {
    const { peers, paths, counters } = this.#parts;
    if (peers.bubblesSent(p) > 0) counters[Counter.bubbles_answered]!++;
    peers.received(p, now);
    paths.solicitations[p] = 0;
  }

  /**
   * The peer is trusted at the mapping that `arrival` came from: what was held for it is sent.
   *
   * @param proven whether it repeated what only our bubble or test can have told it
   */
  trust(p: PeerId, arrival: UdpDatagram, proven: boolean, now: Millis): void {
    const { peers, paths, counters } = this.#parts;
    const { address, port, local } = arrival;
    const isSame = peers.isMappedTo(p, address, port);
    if (!peers.isTrusted(p)) {
      counters[Counter.peers_trusted]!++;
      peers.setTrustedSince(p, now);
    }
    peers.setTrusted(p, true);
    peers.setResolving(p, false);
    peers.setMapping(p, address, port, local);
    peers.setProven(p, proven);
    const { traversal: it } = this;
    paths.setWay(p, wayOf(p, peers, paths, it.embeddedAddress(p), it.embeddedPort(p)));
    this.measure(p, now);
    paths.clearAsked(p);
    paths.setTesting(p, false);
    // RFC 6081 §5.4.4.5: heard of at the service port, it needs no other.
    if (local === SERVICE_PATH) this.closeRandomPort(p);
    paths.portTests[p] = 0;
    this.hear(p, now);
    this.#timers.set(p, it.nextKeepUp(p, now), now);
    if (paths.beganAt[p] === Infinity) paths.beganAt[p] = now;
    if (!isSame) this.holds.arrivals.discard(p, Drop.SourceMismatch);
  }

  /** What is at hand answers the one question that is open; of several nobody knows which. */
  measure(p: PeerId, now: Millis): void {
    const { peers, paths } = this.#parts;
    if (peers.bubblesSent(p) === 1) paths.roundTrip[p] = now - peers.lastBubble(p);
  }

  /**
   * {@link release}; but where it sees us at another mapping than our address names, behind a symmetric
   * NAT or on one network with us, a peer that has not told us its nonce yet would take us for a
   * stranger. Its indirect bubble is on its way, or it is a peer without trailers.
   */
  releaseOrWait(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { nat, paths, peers, filter } = this.#parts;
    const address = peers.mappedAddress(p);
    const port = peers.mappedPort(p);
    const isElsewhere = nat.isSymmetric ||
      (!filter.isPeer(address, port) && !paths.isLocalAt(p, address, port));
    const waits = isElsewhere && !paths.hasNonceReceived(p) && this.holds.count(p) > 0;
    if (waits) this.#timers.set(p, now + NONCE_PATIENCE, now);
    else this.release(p, now, sink);
  }

  /** What was held goes on, now that the peer is trusted. */
  release(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { peers, counters, paths } = this.#parts;
    const { departures: hold, arrivals } = this.holds;
    for (let slot = hold.first(p); slot !== NO_SLOT; slot = hold.first(p)) {
      this.#held.setPayload(hold.memory, hold.at(slot), hold.length(slot));
      this.send(p, this.#held, now, sink);
      peers.traffic.sent(p, 1, hold.length(slot));
      hold.shift(p);
      counters[Counter.packets_released]!++;
    }
    for (let slot = arrivals.first(p); slot !== NO_SLOT; slot = arrivals.first(p)) {
      sink.sendIpv6(arrivals.memory, arrivals.at(slot), arrivals.length(slot));
      peers.traffic.received(p, 1, arrivals.length(slot));
      paths.dataAt[p] = now;
      arrivals.shift(p);
      counters[Counter.packets_released]!++;
    }
  }

  closeRandomPort(p: PeerId): void {
    const { paths, ports } = this.#parts;
    ports.close(paths.randomPath[p]!);
    paths.randomPath[p] = SERVICE_PATH;
    paths.randomPort[p] = 0;
    paths.setTesting(p, false);
  }

  /** The peer has another port than the one that it was reached by: nothing is known of the way to it. */
  beginAnew(p: PeerId): void {
    this.closeRandomPort(p);
    this.#distrust(p);
    this.#resetMapping(p);
  }

  /**
   * Our mapping is another one, or we have none any more: nobody knows us by it, and nobody's trust holds.
   * RFC 4380 §5.2.5. What is held has an address that is no longer ours, and every relay and peer would
   * discard it: who sent it is told, and can send it from another one at once.
   */
  forgetTrust(now: Millis, sink: TunnelSink): void {
    const { peers, paths } = this.#parts;
    for (let p = 1; p <= peers.last; p++) {
      if (!peers.has(p)) continue;
      this.beginAnew(p);
      paths.forget(p);
      this.holds.refuse(p, Drop.SourceNotOurs, now, sink);
      if (peers.isResolving(p)) this.#rest(p, now);
    }
  }

  /** Flows by an address that is deprecated are kept up without its server. */
  keepUp(now: Millis): void {
    const { peers } = this.#parts;
    for (let p = 1; p <= peers.last; p++) {
      if (!peers.has(p) || peers.isResolving(p) || !peers.isTrusted(p)) continue;
      this.#timers.set(p, this.traversal.nextKeepUp(p, now), now);
    }
  }

  /**
   * The native host at the other end says, or a router on the way, that it cannot be reached.
   *
   * @returns whether it was asked
   */
  refuse(p: PeerId, now: Millis, sink: TunnelSink): boolean {
    const isAsked = this.#parts.peers.isResolving(p);
    if (isAsked) this.#fail(p, now, sink);
    return isAsked;
  }

  #distrust(p: PeerId): void {
    const { peers, paths } = this.#parts;
    peers.setTrusted(p, false);
    peers.setProven(p, false);
    paths.loseWay(p);
  }

  #resetMapping(p: PeerId): void {
    const { peers, paths } = this.#parts;
    const isNative = paths.isNative(p);
    const address = isNative ? 0 : this.traversal.embeddedAddress(p);
    peers.setMapping(p, address, isNative ? 0 : this.traversal.embeddedPort(p), SERVICE_PATH);
  }

  /** The next question, or the end of waiting. */
  #repeat(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { peers, paths, nat } = this.#parts;
    const isHeld = this.holds.count(p) > 0;
    const isWanted = isHeld || paths.isMissed(p);
    if (!isWanted && !paths.isInvited(p) && !paths.isTesting(p)) return this.#rest(p, now);
    const isEarly = !nat.isSettled && !paths.isNative(p);
    if (isEarly && now < peers.expiry(p)) return this.#timers.set(p, now + NAT_POLL, now);
    if (paths.isTesting(p)) {
      const next = this.traversal.testAgain(p, now, sink);
      return this.#timers.set(p, next, now);
    }
    const interval = paths.isNative(p) ? ECHO_TIMEOUT : BUBBLE_INTERVAL;
    const next = peers.lastBubble(p) + interval;
    if (now < next) return this.#timers.set(p, next, now);
    // A server that never answers keeps nobody for ever.
    const isOver = isEarly || isExhausted(this.#parts, p, now, isWanted) ||
      peers.turns(p) >= BUBBLE_MAX;
    if (isOver && isHeld) {
      this.#fail(p, now, sink);
      if (paths.isNative(p)) this.traversal.noteSilence(p, now, sink);
      return;
    }
    if (isOver) return this.#rest(p, now);
    if (now - peers.lastBubble(p) >= BUBBLE_WINDOW) {
      if (peers.bubblesSent(p) > 0) paths.portTests[p] = 0;
      peers.forgetBubbles(p);
    }
    peers.addTurn(p);
    paths.clearAsked(p);
    this.#timers.set(p, this.traversal.ask(p, now, sink), now);
  }

  /** Nobody waits for the peer any more. */
  #rest(p: PeerId, now: Millis): void {
    const { peers, paths } = this.#parts;
    peers.setResolving(p, false);
    paths.clearAsked(p);
    this.#timers.set(p, peers.expiry(p), now);
  }

  /** No answer: what was held cannot be delivered, and its senders are told. RFC 4443 §3.1 */
  #fail(p: PeerId, now: Millis, sink: TunnelSink): void {
    this.#parts.counters[Counter.peers_failed]!++;
    this.beginAnew(p);
    this.holds.refuse(p, Drop.PeerUnreachable, now, sink);
    this.#rest(p, now);
  }

  /** A peer that is not asked: is it to be kept up, to be solicited again, or to be forgotten? */
  #lookAfter(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { peers, paths, counters } = this.#parts;
    if (peers.isTrusted(p)) {
      this.release(p, now, sink);
      const next = this.traversal.lookAfter(p, now, sink);
      if (next !== Infinity) return this.#timers.set(p, next, now);
    }
    // RFC 4380 §5.2.4, case 3: longer where it told on our own link that it is there.
    const expiry = Math.max(peers.expiry(p), paths.localAt[p]! + LOCAL_MEMORY);
    if (now < expiry) return this.#timers.set(p, expiry, now);
    this.#remove(p);
    counters[Counter.peers_expired]!++;
  }

  #remove(p: PeerId): void {
    this.#timers.cancel(p);
    this.closeRandomPort(p);
    this.holds.discard(p, Drop.PeerTableFull);
    this.room.leave(p);
    this.#parts.paths.release(p);
    this.#parts.peers.remove(p);
  }
}
