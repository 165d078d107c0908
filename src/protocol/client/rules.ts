import { OutgoingChecks } from "./checks.ts";
import { ClientBubbles } from "./peers/bubbles.ts";
import {
  type ClientGauges,
  type ClientHost,
  type ClientOptions,
  type ClientStatus,
  RANDOM_PORTS,
} from "./contract.ts";
import { Counter, type Counters, DROPS_AT } from "../counters.ts";
import { LocalDiscovery } from "./peers/discovery.ts";
import { Drop } from "../drops.ts";
import { FilteringTest } from "./servers/filtering.ts";
import { EchoTests } from "./peers/echo_tests.ts";
import { HostCheck } from "./peers/host_check.ts";
import { Homes, NO_HOME } from "./servers/homes.ts";
import { Icmpv6Errors } from "../guard/icmpv6_errors.ts";
import { Ipv4Filter } from "../guard/ipv4_filter.ts";
import { Foresight } from "./foresight.ts";
import { Nat } from "./servers/nat.ts";
import { NativeWatch } from "./servers/native_watch.ts";
import { Nonces } from "./nonces.ts";
import type { ClientParts } from "./parts.ts";
import { Paths } from "./peers/paths.ts";
import { ClientPeers } from "./peers/states.ts";
import { RandomPorts } from "./peers/ports.ts";
import { PortTests } from "./peers/port_tests.ts";
import { Qualification } from "./servers/qualification.ts";
import { Reception } from "./reception/reception.ts";
import { statusOf } from "./status.ts";
import { Strangers } from "./reception/strangers.ts";
import { Traversal } from "./peers/traversal.ts";
import { readU32 } from "../wire/bytes.ts";
import { UNREACHABLE_PROHIBITED } from "../wire/build.ts";
import { DESTINATION_AT, SOURCE_AT } from "../wire/ipv6.ts";
import { NO_PEER, type PeerId } from "../peers/index.ts";
import type { LetGo } from "../peers/hold.ts";
import { PeerListing } from "../peers/listing.ts";
import { Peers } from "../peers/table.ts";
import type { KeyedHash, Millis } from "../time.ts";
import type { TunnelRules, TunnelSink } from "../tunnel.ts";
import { UdpDatagram } from "../wire/udp_datagram.ts";

/** The Peer Refresh Timer. RFC 6081 §5.4.2 */
const PEER_REFRESH: Millis = 30_000;
/** Who sends for so long and hears of nobody asks its server whether the mapping still stands. */
const SILENCE: Millis = 2_000;

/**
 * The client rules: IPv6 packets to the Internet and to other clients (RFC 4380 §5.2.4), and back
 * (§5.2.3, in `reception.ts`). What is behind them: `qualification.ts` has our address, `peers.ts` what
 * becomes of a peer, `traversal.ts` by which bubbles.
 *
 * Pure: time comes in with each call, and output goes to a sink. A packet costs no allocation.
 */
export class Client implements TunnelRules {
  #options: ClientOptions;
  readonly #parts: ClientParts;
  readonly #qualification: Qualification;
  readonly #states: ClientPeers;
  readonly #traversal: Traversal;
  readonly #reception: Reception;
  readonly #discovery: LocalDiscovery;
  readonly #checks: OutgoingChecks;
  readonly #foresight: Foresight;
  readonly #native = new NativeWatch();
  readonly #filtering: FilteringTest;
  readonly #hostCheck: HostCheck;
  /** The packet at hand from the IPv6 side: the payload of the datagram that it is to be. */
  readonly #packet = new UdpDatagram();
  #peerRefreshAt: Millis = Infinity;
  /** When the first packet went out since anybody was heard of; Infinity: none has. */
  #unansweredSince: Millis = Infinity;
  #version = 0;

  /**
   * @param hash under a key from the kernel's random source; makes nonces, tests and the table's key
   * @param seed random, so that no other client under the same hash has the same
   */
  constructor(
    options: ClientOptions,
    counters: Counters,
    hash: KeyedHash,
    seed: number,
    host: ClientHost,
  ) {
    this.#options = options;
    const nonces = new Nonces(hash, seed);
    const key = nonces.draw();
    const key0 = readU32(key, 0);
    const key1 = readU32(key, 4);
    const filter = new Ipv4Filter(options);
    const nat = new Nat();
    const homes = new Homes();
    const parts: ClientParts = {
      options: () => this.#options,
      server: () => this.#qualification.current,
      counters,
      filter,
      errors: new Icmpv6Errors(options, counters, key0, key1),
      nonces,
      nat,
      homes,
      peers: new Peers(options.maxPeers, key0, key1, true),
      paths: new Paths(options.maxPeers),
      ports: new RandomPorts(host),
    };
    this.#parts = parts;
    this.#qualification = new Qualification(parts.options, nonces, filter, nat, homes, counters, {
      mappingChanged: (now, sink) => this.#changeMapping(now, sink),
      addressChanged: (now) => this.#changeAddress(now),
      compared: (server, now, sink) => this.#filtering.begin(server, now, sink),
    });
    this.#filtering = new FilteringTest(parts, host);
    const bubbles = new ClientBubbles(parts);
    const echoTests = new EchoTests(hash, nonces.draw32() & 0xffff, counters);
    this.#hostCheck = new HostCheck(parts, echoTests);
    const strangers = new Strangers(key0, key1);
    this.#states = new ClientPeers(parts, strangers);
    this.#discovery = new LocalDiscovery(parts);
    this.#checks = new OutgoingChecks(parts);
    this.#foresight = new Foresight(parts, this.#checks, this.#states);
    this.#traversal = new Traversal(
      parts,
      this.#states,
      bubbles,
      echoTests,
      new PortTests(parts),
      this.#discovery,
    );
    this.#states.traversal = this.#traversal;
    this.#traversal.onSilence = (p, now, sink) => this.#noteSilence(p, now, sink);
    this.#traversal.onUnanswered = (since, now, sink) =>
      this.#qualification.doubt(since, now, sink);
    this.#reception = new Reception(
      parts,
      this.#qualification,
      this.#filtering,
      this.#states,
      this.#traversal,
      bubbles,
      echoTests,
      this.#discovery,
      strangers,
    );
    this.#reception.fromNatives.onAnswer = (now, sink) => this.#noteNative(now, sink);
    this.#reception.fromNatives.onPacket = (p, now) => this.#native.heard(p, now);
  }

  /** Begins to qualify. */
  start(now: Millis, sink: TunnelSink): void {
    this.#qualification.start(now, sink);
    this.#peerRefreshAt = now + PEER_REFRESH;
    this.#version++;
  }

  /**
   * The network, the servers or what an operator can set is another; but for `prefix`, `mtu` and
   * `maxPeers`. Every server is asked at once; where `renewals` is what it was, those that are new.
   */
  set(options: ClientOptions, now: Millis, sink: TunnelSink): void {
    const { renewals, checkHost } = this.#options;
    const isSame = options.renewals !== undefined && options.renewals === renewals;
    this.#options = options;
    this.#parts.filter.set(options);
    this.#parts.errors.set(options, now);
    this.#states.holds.set(options);
    if (options.quiet === true) this.#fallQuiet(now, sink);
    if (!isSame || `${options.checkHost}` !== `${checkHost}`) this.#hostCheck.begin(now);
    if (isSame) this.#qualification.follow(now, sink);
    else this.start(now, sink);
  }

  /** No address, nobody who is trusted, no port but that of the service: there is nothing to keep up. */
  #fallQuiet(now: Millis, sink: TunnelSink): void {
    this.#parts.homes.clear();
    this.#states.forgetTrust(now, sink);
    this.#filtering.stop();
    this.#version++;
  }

  /** Broadcast addresses of the subnets that this host is attached to: no peer's. */
  setBroadcasts(addresses: readonly number[]): void {
    this.#parts.filter.setBroadcasts(addresses);
  }

  /** Grows when {@link status} may tell something else, round trips and times apart. */
  get version(): number {
    return this.#version + this.#qualification.changes + this.#native.changes +
      this.#filtering.changes;
  }

  /** For who tells of it; allocates. */
  status(): ClientStatus {
    return statusOf(this.#options, this.#qualification);
  }

  get gauges(): ClientGauges {
    const { peers, ports, paths } = this.#parts;
    const { departures, arrivals } = this.#states.holds;
    return {
      peers: peers.size,
      trusted: peers.counts.trusted,
      resolving: peers.counts.resolving,
      failed: peers.counts.failed,
      heldPackets: departures.packets + arrivals.packets,
      heldBytes: departures.bytes + arrivals.bytes,
      randomPorts: ports.count,
      ways: paths.counts,
    };
  }

  nextTimer(): Millis {
    return Math.min(
      this.#qualification.nextAt,
      this.#filtering.nextAt,
      this.#states.nextTimer(),
      this.#discovery.nextAt,
      this.#hostCheck.nextAt,
      this.#parts.homes.nextExpiry(),
      this.#parts.ports.count > 0 ? this.#peerRefreshAt : Infinity,
    );
  }

  tick(now: Millis, sink: TunnelSink): void {
    if (now >= this.#qualification.nextAt) this.#qualification.tick(now, sink);
    this.#filtering.tick(now, sink);
    if (this.#parts.homes.expire(now)) this.#version++;
    this.#discovery.tick(now, sink);
    if (now >= this.#peerRefreshAt) this.#refreshRandomPorts(now, sink);
    this.#states.tick(now, sink);
    if (this.#hostCheck.tick(now, sink) && this.#native.checkedHostSilent(now)) {
      this.#missNatives(now, sink);
    }
  }

  #refreshRandomPorts(now: Millis, sink: TunnelSink): void {
    const { ports } = this.#parts;
    this.#peerRefreshAt = now + PEER_REFRESH;
    for (let path = 1; path <= RANDOM_PORTS; path++) {
      const p = ports.owner(path);
      if (p !== NO_PEER) this.#traversal.refreshRandomPort(p, PEER_REFRESH, now, sink);
    }
  }

  // To the Internet and to other clients: RFC 4380 §5.2.4

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
    const drop = this.#transmit(this.#packet, now, sink, packets, bytes);
    if (drop !== Drop.None) this.#parts.counters[DROPS_AT + drop]!++;
    return drop;
  }

  isOpen(b: Uint8Array, at: number, length: number, now: Millis): boolean {
    const { peers, homes } = this.#parts;
    if (this.#checks.checkPacket(b, at, length) !== Drop.None) return false;
    if (homes.find(b, at + SOURCE_AT) === NO_HOME) return false;
    const p = peers.find(b, at + DESTINATION_AT);
    return p !== NO_PEER && peers.isValid(p, now);
  }

  #transmit(
    packet: UdpDatagram,
    now: Millis,
    sink: TunnelSink,
    packets: number,
    bytes: number,
  ): Drop {
    const { peers, homes, errors, counters } = this.#parts;
    const { bytes: b, at, length } = packet;
    const drop = this.#checks.checkPacket(b, at, length);
    if (this.#checks.isLinkMessage(drop, b, at)) {
      counters[Counter.link_messages]!++;
      return Drop.None;
    }
    if (drop !== Drop.None) return drop;
    const home = homes.find(b, at + SOURCE_AT);
    if (home === NO_HOME) {
      errors.unreachable(packet, now, sink, UNREACHABLE_PROHIBITED);
      return this.#checks.checkSource(b, at);
    }
    let p = peers.find(b, at + DESTINATION_AT);
    if (p !== NO_PEER && peers.isValid(p, now)) {
      this.#states.room.want(p);
      this.#traversal.setHome(p, home, now);
      this.#states.send(p, packet, now, sink);
      peers.traffic.sent(p, packets, bytes);
      if (now - this.#unansweredSince >= SILENCE) {
        this.#qualification.doubt(this.#unansweredSince, now, sink);
      } else if (this.#unansweredSince === Infinity) this.#unansweredSince = now;
      return Drop.None;
    }
    const refused = this.#checks.checkEmbedded(b, at + DESTINATION_AT, p, now);
    if (refused !== Drop.None) return refused;
    p = this.#states.enter(b, at + DESTINATION_AT, now, true);
    if (p === NO_PEER) return Drop.PeerTableFull;
    this.#traversal.setHome(p, home, now);
    return this.#states.holdAndAsk(p, packet, now, sink);
  }

  /** Who hears of held packets that are not sent; undefined: nobody. */
  set onLetGo(letGo: LetGo | undefined) {
    this.#states.holds.departures.onLetGo = letGo;
    this.#states.holds.arrivals.onLetGo = letGo;
  }

  /** For who is to tell of peers. */
  get listing(): PeerListing {
    return new PeerListing(this.#parts.peers, this.#states.holds.departures, this.#parts.paths);
  }

  /**
   * What {@link fromIpv6} would say to a packet at this moment: whether it would be sent or held, or
   * why it would be dropped. Changes and counts nothing.
   */
  foreseeFromIpv6(b: Uint8Array, at: number, length: number, now: Millis): Drop {
    return this.#foresight.ofPacket(b, at, length, now);
  }

  /** The same of {@link fromUdp}, for a peer that has proven itself where the datagram comes from. */
  foreseeFromUdp(arrival: UdpDatagram, now: Millis): Drop {
    return this.#foresight.ofDatagram(arrival, now);
  }

  // From there: RFC 4380 §5.2.3

  fromUdp(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const drop = this.#reception.receive(arrival, now, sink);
    if (drop === Drop.None) this.#unansweredSince = Infinity;
    else this.#parts.counters[DROPS_AT + drop]!++;
    return drop;
  }

  #changeMapping(now: Millis, sink: TunnelSink): void {
    this.#states.forgetTrust(now, sink);
    this.#filtering.forget();
    const server = this.#parts.server();
    if (server !== undefined) server.native = "unknown";
    this.#beginAnew(now);
    this.#version++;
  }

  #changeAddress(now: Millis): void {
    this.#states.keepUp(now);
    this.#beginAnew(now);
    this.#version++;
  }

  #beginAnew(now: Millis): void {
    this.#native.forget();
    this.#hostCheck.begin(now);
    this.#discovery.start(now);
  }

  #noteSilence(p: PeerId, now: Millis, sink: TunnelSink): void {
    if (this.#native.silent(p, now)) this.#missNatives(now, sink);
  }

  /** No native host answers: unless who is there does, there is no way to them. */
  #missNatives(now: Millis, sink: TunnelSink): void {
    const { peers, paths } = this.#parts;
    const witness = this.#native.witness(now);
    const isThere = witness !== NO_PEER && peers.has(witness) && paths.isNative(witness) &&
      peers.isTrusted(witness);
    if (isThere) this.#traversal.refresh(witness, now, sink);
    else if (this.#native.believe(now)) this.#qualification.noteNative("unreachable", now, sink);
  }

  #noteNative(now: Millis, sink: TunnelSink): void {
    this.#hostCheck.answered(now);
    if (this.#native.answered(now)) this.#qualification.noteNative("ok", now, sink);
  }
}
