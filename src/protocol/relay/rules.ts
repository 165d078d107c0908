import type { TunnelGauges, TunnelRules, TunnelSink } from "../tunnel.ts";
import { BubbleBudget } from "../guard/bubble_budget.ts";
import { Bubbles } from "../peers/bubbles.ts";
import { readU32 } from "../wire/bytes.ts";
import { Challenges } from "./challenges.ts";
import { Counter, type Counters, DROPS_AT } from "../counters.ts";
import { TeredoDatagram } from "../wire/datagram.ts";
import { Drop } from "../drops.ts";
import { Hold, type LetGo } from "../peers/hold.ts";
import { Icmpv6Errors } from "../guard/icmpv6_errors.ts";
import { Ipv4Filter } from "../guard/ipv4_filter.ts";
import {
  checkIpv6,
  DESTINATION_AT,
  isBubble,
  isLinkMessage,
  isMulticast,
  isUnroutable,
  SOURCE_AT,
} from "../wire/ipv6.ts";
import { Served } from "../guard/served.ts";
import { NewPeers } from "../guard/new_peers.ts";
import { PeerLeases } from "../peers/leases.ts";
import { PeerListing } from "../peers/listing.ts";
import type { PeerWays } from "../peers/row.ts";
import { PeerStates } from "../peers/states.ts";
import { NO_PEER, type PeerId } from "../peers/index.ts";
import { type IsOurs, type LegacyRow, writeLegacy } from "../peers/legacy.ts";
import { Peers } from "../peers/table.ts";
import type { RelayOptions } from "./contract.ts";
import {
  hasMapping,
  isTeredo,
  mappedAddressOf,
  mappedPortOf,
  serverAddressOf,
} from "../wire/teredo_address.ts";
import type { KeyedHash, Millis } from "../time.ts";
import { mayBeToken, Tokens } from "../guard/token.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

/**
 * The relay rules: IPv6 packets to Teredo clients (RFC 4380 §5.4.1) and back (§5.4.2).
 *
 * Pure: time comes in with each call, and output goes to a sink. A packet costs no allocation.
 * It counts bubbles, peers, held packets, errors and drops; packets and bytes are the datapath's.
 */
export class Relay implements TunnelRules {
  readonly #prefix: number;
  readonly #counters: Counters;
  readonly #filter: Ipv4Filter;
  readonly #peers: Peers;
  readonly #hold: Hold;
  readonly #tokens: Tokens;
  readonly #challenges: Challenges;
  readonly #errors: Icmpv6Errors;
  readonly #states: PeerStates;
  readonly #budget: BubbleBudget;
  readonly #bubbles: Bubbles;
  readonly #newPeers: NewPeers;
  readonly #datagram = new TeredoDatagram();
  /** The packet at hand from the IPv6 side: the payload of the datagram that it is to be. */
  readonly #packet = new UdpDatagram();
  readonly #served: Served;

  /**
   * @param hash under a key from the kernel's random source; makes tokens and the table's key
   * @param seed random, so that no other table under the same hash has the same key
   */
  constructor(options: RelayOptions, counters: Counters, hash: KeyedHash, seed: number) {
    const key = hash(Uint8Array.of(seed >>> 24, seed >>> 16, seed >>> 8, seed));
    const key0 = readU32(key, 0);
    const key1 = readU32(key, 4);
    this.#prefix = options.prefix;
    this.#counters = counters;
    this.#served = new Served(options.served);
    this.#filter = new Ipv4Filter(options);
    this.#peers = new Peers(options.maxPeers, key0, key1);
    this.#hold = new Hold(options, counters);
    this.#tokens = new Tokens(hash);
    this.#budget = new BubbleBudget(options, key0, key1);
    this.#challenges = new Challenges(this.#tokens, this.#filter, this.#budget, counters);
    this.#errors = new Icmpv6Errors(options, counters, key0, key1);
    this.#newPeers = new NewPeers(options, key0, key1);
    const { restricted } = options;
    this.#bubbles = new Bubbles(this.#peers, this.#tokens, this.#budget, counters, restricted);
    this.#states = new PeerStates(this.#peers, this.#hold, this.#bubbles, this.#errors, counters);
  }

  /**
   * Goes on by other options, but for `prefix`, `mtu` and `maxPeers`, with all peers, what is held for
   * them, and what the limits have counted.
   */
  set(options: RelayOptions, now: Millis): void {
    this.#served.set(options.served);
    this.#filter.set(options);
    this.#hold.set(options);
    this.#budget.set(options, now);
    this.#bubbles.setRestricted(options.restricted);
    this.#errors.set(options, now);
    this.#newPeers.set(options, now);
  }

  /** Who hears of held packets that are not sent; undefined: nobody. */
  set onLetGo(letGo: LetGo | undefined) {
    this.#hold.onLetGo = letGo;
  }

  /** For who is to tell of peers. */
  get listing(): PeerListing {
    return new PeerListing(this.#peers, this.#hold);
  }

  /** The same, in the words of a client, whose host this is a relay for. */
  listingBy(ways: (peers: Peers) => PeerWays): PeerListing {
    return new PeerListing(this.#peers, this.#hold, ways(this.#peers));
  }

  /** For who passes some of the packets without these rules. */
  get leases(): PeerLeases {
    return new PeerLeases(this.#peers, this.#hold, this.#counters);
  }

  get gauges(): TunnelGauges {
    return {
      peers: this.#peers.size,
      trusted: this.#peers.counts.trusted,
      resolving: this.#peers.counts.resolving,
      failed: this.#peers.counts.failed,
      heldPackets: this.#hold.packets,
      heldBytes: this.#hold.bytes,
    };
  }

  /** Broadcast addresses of the subnets that this host is attached to: no peer's. */
  setBroadcasts(addresses: readonly number[]): void {
    this.#filter.setBroadcasts(addresses);
  }

  /** One IPv6 packet for a Teredo client. RFC 4380 §5.4.1 */
  fromIpv6(
    b: Uint8Array,
    at: number,
    length: number,
    now: Millis,
    sink: TunnelSink,
    packets = 1,
    bytes = length,
  ): Drop {
    this.#packet.setPayload(b, at, length);
    const drop = this.#toClient(this.#packet, now, sink, packets, bytes);
    if (drop !== Drop.None) this.#counters[DROPS_AT + drop]!++;
    return drop;
  }

  /**
   * Whether {@link fromIpv6} sends this packet at once: its peer is trusted, valid and proven.
   *
   * For super-packets, which may be longer than `mtu`. What is sent at once may be given to
   * {@link fromIpv6} whole and cut up by the sink; what may have to be held, or answered with an
   * error, has to be cut up before. Changes and counts nothing.
   *
   * @param length of header and payload, that of all segments together
   */
  isOpen(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    if (this.#checkPacket(b, at, length) !== Drop.None) return false;
    const p = this.#peers.find(b, at + DESTINATION_AT);
    return p !== NO_PEER && this.#peers.isValid(p, now) && this.#peers.isProven(p);
  }

  /**
   * One datagram that came to our service port. RFC 4380 §5.4.2
   *
   * @returns why it was dropped, which has been counted; a bubble that was taken in is no drop
   */
  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const drop = this.#toIpv6(arrival, now, sink);
    if (drop !== Drop.None) this.#counters[DROPS_AT + drop]!++;
    return drop;
  }

  /**
   * What {@link fromIpv6} would say to a packet at this moment: whether it would be sent or held, or
   * why it would be dropped. Changes and counts nothing.
   */
  foreseeFromIpv6(b: Uint8Array, at: number, length: number, now: Millis): Drop {
    const drop = this.#checkPacket(b, at, length);
    if (drop !== Drop.None) return drop;
    const p = this.#peers.find(b, at + DESTINATION_AT);
    if (p !== NO_PEER) return this.#states.foresee(p, length, now);
    if (!this.#newPeers.has(b, at + SOURCE_AT, now)) return Drop.RateLimited;
    return this.#states.foreseeMeeting(b, at + DESTINATION_AT, now);
  }

  /** The same of {@link fromUdp}, for a client that has proven itself where the datagram comes from. */
  foreseeFromUdp(arrival: UdpDatagram): Drop {
    const drop = this.#checkArrival(arrival);
    if (drop !== Drop.None) return drop;
    return this.#checkDestination(arrival.bytes, this.#datagram.ipv6At + DESTINATION_AT);
  }

  /** What a successor is to know of the peers: see `peers/legacy.ts`. The caller owns the array. */
  legacy(now: Millis): Uint8Array<ArrayBuffer> {
    return writeLegacy(this.#peers, now);
  }

  /**
   * Takes over those of the peers that an earlier relay left who may be peers of this one.
   *
   * @param rows of {@link legacy}, written at `written` by our clock
   * @param isOurs whether this relay serves the Teredo address at `at`
   */
  takeOver(rows: Uint8Array, written: Millis, now: Millis, isOurs: IsOurs): void {
    const accepts = (row: LegacyRow) => isOurs(row.bytes, row.at) && this.#mayBePeer(row);
    this.#states.takeOver(rows, written, now, accepts);
  }

  #mayBePeer({ bytes, at, address, port }: LegacyRow): boolean {
    return isTeredo(bytes, at, this.#prefix) && this.#checkEmbedded(bytes, at) === Drop.None &&
      this.#filter.isPeer(address, port) && !this.#filter.isOurs(address, port);
  }

  /** Absolute time at which {@link tick} has something to do; Infinity: no time. */
  nextTimer(): Millis {
    return this.#states.nextTimer();
  }

  /** Sees to what is due, a bounded part of it: when there is more, nextTimer() lies in the past. */
  tick(now: Millis, sink: TunnelSink): void {
    this.#states.tick(now, sink);
  }

  #toClient(
    packet: UdpDatagram,
    now: Millis,
    sink: TunnelSink,
    packets: number,
    bytes: number,
  ): Drop {
    const { bytes: b, at, length } = packet;
    const drop = this.#checkPacket(b, at, length);
    if (drop === Drop.DestinationNotTeredo) {
      this.#errors.unreachable(packet, now, sink);
    }
    if (drop === Drop.DestinationScope && isLinkMessage(b, at)) {
      this.#counters[Counter.link_messages]!++;
      return Drop.None;
    }
    if (drop !== Drop.None) return drop;

    const p = this.#peers.find(b, at + DESTINATION_AT);
    if (p === NO_PEER && !this.#newPeers.take(b, at + SOURCE_AT, now)) return Drop.RateLimited;
    // Case 2 is not for us: relays ignore the cone bit. RFC 5991 §3.2
    if (p === NO_PEER || !this.#peers.isValid(p, now)) {
      return this.#states.holdAndBubble(p, packet, now, sink);
    }
    const sent = this.#states.send(p, packet, now, sink);
    if (sent === Drop.None) this.#peers.traffic.sent(p, packets, bytes);
    return sent;
  }

  #checkPacket(b: Uint8Array, at: number, length: number): Drop {
    const malformed = checkIpv6(b, at, length);
    if (malformed !== Drop.None) return malformed;
    const source = at + SOURCE_AT;
    const destination = at + DESTINATION_AT;
    if (isMulticast(b, destination)) return Drop.DestinationScope;
    if (isMulticast(b, source) || isUnroutable(b, source)) return Drop.SourceScope;
    // A packet from client to client goes past relays; here it would go in circles. RFC 6169 §2.2.3
    if (isTeredo(b, source, this.#prefix)) return Drop.SourceScope;
    if (!this.#served.has(b, source)) return Drop.SourceNotServed;
    if (!isTeredo(b, destination, this.#prefix)) return Drop.DestinationNotTeredo;
    return this.#checkEmbedded(b, destination);
  }

  /** RFC 4380 §5.4.1: "MUST be silently discarded", before a peer entry, bubble or error exists. */
  #checkEmbedded(b: Uint8Array, at: number): Drop {
    const filter = this.#filter;
    const address = mappedAddressOf(b, at);
    const port = mappedPortOf(b, at);
    const server = serverAddressOf(b, at);
    if (!filter.isPeer(address, port)) return Drop.MappedAddressNotGlobal;
    if (!filter.isServer(server)) return Drop.ServerAddressNotGlobal;
    if (filter.isOurs(address, port) || filter.isOurServer(server)) return Drop.OwnAddress;
    return Drop.None;
  }

  #toIpv6(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b, address, port } = arrival;
    const datagram = this.#datagram;
    let drop = this.#checkArrival(arrival);
    if (drop !== Drop.None) return drop;
    const source = datagram.ipv6At + SOURCE_AT;
    const bubble = isBubble(b, datagram.ipv6At);
    const p = this.#peers.find(b, source);
    if (p !== NO_PEER && this.#peers.isSettledAt(p, address, port)) {
      if (bubble && !this.#peers.isProven(p) && this.#answers(b, now)) {
        this.#peers.setProven(p, true);
      }
      this.#states.hear(p, arrival.local, now);
    } else {
      drop = p === NO_PEER
        ? this.#meet(arrival, bubble, now, sink)
        : this.#recognize(p, arrival, bubble, now, sink);
      if (drop !== Drop.None) return drop;
    }
    if (!bubble) return this.#deliver(p, b, datagram.ipv6At, datagram.ipv6Length, sink);
    // Bubbles end here, now that they have done their work on the entry. RFC 4380 §5.4.2
    this.#counters[Counter.bubbles_received]!++;
    return Drop.None;
  }

  /** Before anybody's entry is looked at. */
  #checkArrival({ bytes: b, at, length, address, port }: UdpDatagram): Drop {
    const datagram = this.#datagram;
    const drop = datagram.parse(b, at, length);
    if (drop !== Drop.None) return drop;
    if (!this.#filter.isPeer(address, port)) return Drop.SourceNotGlobal;
    if (this.#filter.isOurs(address, port)) return Drop.OwnAddress;
    const isClient = isTeredo(b, datagram.ipv6At + SOURCE_AT, this.#prefix);
    return isClient ? Drop.None : Drop.SourceNotTeredo;
  }

  /**
   * The datagram's source has an entry that is not trusted, is resolving, or is mapped elsewhere.
   *
   * Weaker proof does not replace stronger: whom a token has proven to be at one mapping does not
   * move to the one in its address for a datagram from there, which anybody may have forged. It is
   * carried (RFC 4380 §5.4.2), and that is all. A client that really moved answers the next bubble.
   */
  #recognize(
    p: PeerId,
    arrival: UdpDatagram,
    bubble: boolean,
    now: Millis,
    sink: TunnelSink,
  ): Drop {
    const { bytes: b, address, port } = arrival;
    const source = this.#datagram.ipv6At + SOURCE_AT;
    const peers = this.#peers;
    const known = peers.isTrusted(p) && peers.isMappedTo(p, address, port);
    const named = hasMapping(b, source, address, port);
    if (!known && !named) {
      const drop = this.#checkMoved(p, b, bubble, now);
      if (drop !== Drop.None) return drop;
      return this.#states.trust(p, arrival, true, now, sink);
    }
    const proven = (known && peers.isProven(p)) || (bubble && this.#answers(b, now));
    const isHeld = !known && peers.isProven(p) && (!proven || peers.isValid(p, now));
    return isHeld ? Drop.None : this.#states.trust(p, arrival, proven, now, sink);
  }

  /**
   * Whether a packet from a mapping other than the one its address names is still the peer's: a
   * bubble that answers ours, token and all. Behind a symmetric NAT a client reaches us from a
   * mapping that its server never saw. RFC 4380 knows no such case; the token stands for what the
   * Nonce Trailer proves between clients (RFC 6081 §5.2). A peer that has proven where it is, and is
   * being heard of, does not move: else whoever sees one bubble could take over its packets.
   */
  #checkMoved(p: PeerId, b: Uint8Array, bubble: boolean, now: Millis): Drop {
    const { ipv6At } = this.#datagram;
    if (!bubble || !mayBeToken(b, ipv6At + DESTINATION_AT)) return Drop.SourceMismatch;
    if (this.#peers.isValid(p, now) && this.#peers.isProven(p)) return Drop.SourceMismatch;
    return this.#answers(b, now) ? Drop.None : Drop.BadToken;
  }

  /** The datagram's source has no entry. Only the right answer to a bubble makes one. */
  #meet(arrival: UdpDatagram, bubble: boolean, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b, address, port } = arrival;
    const source = this.#datagram.ipv6At + SOURCE_AT;
    if (!hasMapping(b, source, address, port)) return Drop.SourceMismatch;
    if (bubble && this.#answers(b, now)) return this.#states.admit(arrival, source, now, sink);
    const asked = this.#challenges.send(arrival, source, now, sink);
    return asked ? Drop.UnknownPeer : Drop.RateLimited;
  }

  /** Whether the datagram is sent to an address that only a bubble of ours can have told it. */
  #answers(b: Uint8Array, now: Millis): boolean {
    const { ipv6At } = this.#datagram;
    return this.#tokens.matches(b, ipv6At + DESTINATION_AT, b, ipv6At + SOURCE_AT, now);
  }

  /** A packet of peer `p`, which only a bubble makes known: it has an entry. */
  #deliver(p: PeerId, b: Uint8Array, at: number, length: number, sink: TunnelSink): Drop {
    const drop = this.#checkDestination(b, at + DESTINATION_AT);
    if (drop !== Drop.None) return drop;
    sink.sendIpv6(b, at, length); // without trailers: RFC 6081 §4
    this.#peers.traffic.received(p, 1, length);
    return Drop.None;
  }

  /** RFC 4380 §5.4.2: to a destination that the relay serves. */
  #checkDestination(b: Uint8Array, at: number): Drop {
    if (isMulticast(b, at) || isUnroutable(b, at)) return Drop.DestinationScope;
    if (isTeredo(b, at, this.#prefix)) return Drop.DestinationNotServed;
    return this.#served.has(b, at) ? Drop.None : Drop.DestinationNotServed;
  }
}
