import { ANSWER_INTERVAL, type ClientBubbles } from "./bubbles.ts";
import type { ClientParts } from "../parts.ts";
import type { Asking } from "./asking.ts";
import type { ClientPeers } from "./states.ts";
import { SERVICE_PATH } from "../contract.ts";
import type { LocalDiscovery } from "./discovery.ts";
import { Drop } from "../../drops.ts";
import { ECHO_TIMEOUT, type EchoTests } from "./echo_tests.ts";
import { DEPRECATED_FOR, NO_HOME } from "../servers/homes.ts";
import { IPV6_LENGTH } from "../../wire/ipv6.ts";
import { BUBBLE_INTERVAL, REFRESH_AFTER, REFRESH_MAX } from "../../peers/bubbles.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { PortTests } from "./port_tests.ts";
import { TokenBucket } from "../../guard/limiter.ts";
import type { TeredoDatagram } from "../../wire/datagram.ts";
import { DISCOVERY_SOLICITATION } from "../../wire/trailers.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** RFC 6081 §5.7.2 */
const SOLICITATION_INTERVAL: Millis = 2_000;
const SOLICITATIONS_MAX = 3;
/** Bubbles without data between. RFC 6081 §5.4.2.1 has as many */
export const REFRESHES_MAX = 20;
/** Of a flow that goes on by a deprecated address: sooner than a relay forgets us. */
const KEEP_UP_INTERVAL: Millis = 20_000;
/** RFC 6081 §5.5.2.2 */
const PORT_TESTS_MAX = 2;
const SECOND: Millis = 1_000;
/** Tests of ports a second for whom nobody here waits. */
const STRANGERS_TESTS = 2;
/** Turns in which a peer on our own link is asked there alone. RFC 4380 §5.2.4 case 3 */
const LOCAL_TURNS = 2;

/**
 * How a peer is asked for a sign of life, and answered: bubbles by the ways that RFC 4380 §5.2.4 and
 * RFC 6081 have for each kind of NAT, and echo tests for native hosts.
 */
export class Traversal implements Asking {
  readonly #parts: ClientParts;
  readonly #states: ClientPeers;
  readonly #bubbles: ClientBubbles;
  readonly #echoTests: EchoTests;
  readonly #portTests: PortTests;
  readonly #local: LocalDiscovery;
  readonly #peer = new Uint8Array(IPV6_LENGTH);
  readonly #strangersTests = new TokenBucket(STRANGERS_TESTS, STRANGERS_TESTS);
  /** Who hears that a native host left all tests unanswered. */
  onSilence: ((p: PeerId, now: Millis, sink: TunnelSink) => void) | undefined;
  /** Told of an echo test without an answer, and when it went out; more follow. */
  onUnanswered: ((since: Millis, now: Millis, sink: TunnelSink) => void) | undefined;

  constructor(
    parts: ClientParts,
    states: ClientPeers,
    bubbles: ClientBubbles,
    echoTests: EchoTests,
    portTests: PortTests,
    local: LocalDiscovery,
  ) {
    this.#parts = parts;
    this.#states = states;
    this.#bubbles = bubbles;
    this.#echoTests = echoTests;
    this.#portTests = portTests;
    this.#local = local;
  }

  embeddedAddress(p: PeerId): number {
    return this.#bubbles.embeddedAddress(p);
  }

  embeddedPort(p: PeerId): number {
    return this.#bubbles.embeddedPort(p);
  }

  noteSilence(p: PeerId, now: Millis, sink: TunnelSink): void {
    this.onSilence?.(p, now, sink);
  }

  ask(p: PeerId, now: Millis, sink: TunnelSink): Millis {
    const { peers, paths } = this.#parts;
    if (paths.isNative(p)) return this.#test(p, now, sink);
    if (paths.isLocal(p, now) && peers.turns(p) <= LOCAL_TURNS) {
      this.#bubbles.sendDirect(p, paths.localAddress[p]!, paths.localPort[p]!, SERVICE_PATH, sink);
      this.#local.send(sink);
      peers.bubbled(p, now);
      return now + BUBBLE_INTERVAL;
    }
    // What was answered has its direct bubble.
    const isAnswered = now - paths.answeredAt[p]! < BUBBLE_INTERVAL;
    if (!isAnswered) this.#sendDirect(p, sink);
    if (this.#isOneHost(p)) {
      peers.bubbled(p, now);
      return now + BUBBLE_INTERVAL;
    }
    if (this.#mayStartPortTest(p, now)) return this.#startPortTest(p, now, sink);
    return this.#sendIndirect(p, now, sink);
  }

  /**
   * Where a peer names one host as client and as server, and nobody here wants anything of it, that host
   * gets one datagram for the one that it may not have sent.
   */
  #isOneHost(p: PeerId): boolean {
    return this.#states.holds.count(p) === 0 &&
      this.#bubbles.serverAddress(p) === this.embeddedAddress(p);
  }

  /** An echo test by way of the server in use. */
  #test(p: PeerId, now: Millis, sink: TunnelSink): Millis {
    const { peers, homes, server } = this.#parts;
    const home = this.#bubbles.homeOf(p);
    const current = server();
    peers.bubbled(p, now);
    if (home !== NO_HOME && current !== undefined) {
      peers.writeAddress(p, this.#peer, 0);
      this.#echoTests.send(homes.bytes(home), this.#peer, 0, current.primary, now, sink);
      if (peers.turns(p) > 1) this.onUnanswered?.(now - ECHO_TIMEOUT, now, sink);
    }
    return now + ECHO_TIMEOUT;
  }

  /** To where the peer was heard of, else to where its address says. */
  #sendDirect(p: PeerId, sink: TunnelSink, discovery: -1 | 0 | 1 = -1): void {
    const { peers } = this.#parts;
    const address = peers.mappedAddress(p);
    const port = peers.mappedPort(p);
    this.#bubbles.sendDirect(p, address, port, peers.localAddress(p), sink, discovery);
  }

  /** RFC 6081 §5.4.4.2: with the port that our NAT keeps for a random one of ours. */
  #sendIndirect(p: PeerId, now: Millis, sink: TunnelSink): Millis {
    const { peers, paths } = this.#parts;
    if (this.#keepsPorts() && !peers.isTrusted(p) && this.#openRandomPort(p, now)) {
      // Who has none himself and can read of it sends there from his service port, and is let in at once.
      const reads = paths.hasNonceReceived(p) && paths.peerRandomPort[p] === 0;
      if (reads) this.#answerByRandomPort(p, now, sink);
    }
    peers.bubbled(p, now);
    this.#bubbles.sendIndirect(p, now, sink);
    return now + BUBBLE_INTERVAL;
  }

  #keepsPorts(): boolean {
    const { nat, options } = this.#parts;
    return nat.isSymmetric && nat.isPortPreserving && options().extensions.portPreserving;
  }

  /** @returns the path; {@link SERVICE_PATH}: there is none to be had */
  #takePort(p: PeerId, now: Millis): number {
    const { ports, peers, paths } = this.#parts;
    const isWanted = paths.isWanted(p) || this.#states.holds.count(p) > 0;
    if (ports.isFull(paths, isWanted)) {
      const other = ports.giveWay(peers, paths, isWanted, now);
      if (other === NO_PEER) return SERVICE_PATH;
      this.#states.beginAnew(other);
    }
    return ports.open(p);
  }

  /** @returns whether there is one now that was not there before */
  #openRandomPort(p: PeerId, now: Millis): boolean {
    const { paths, ports } = this.#parts;
    if (paths.randomPath[p] !== SERVICE_PATH) return false;
    const path = this.#takePort(p, now);
    paths.randomPath[p] = path;
    paths.randomPort[p] = path === SERVICE_PATH ? 0 : ports.port(path);
    return path !== SERVICE_PATH;
  }

  // RFC 6081 §5.5: ports that a NAT gives in a row

  #mayTestPorts(p: PeerId): boolean {
    const { nat, options, peers, paths, server } = this.#parts;
    return nat.isSymmetric && !nat.isPortPreserving && options().extensions.sequential &&
      !peers.isTrusted(p) && paths.randomPort[p] === 0 && paths.portTests[p]! < PORT_TESTS_MAX &&
      !this.#hasOpenPort(p) && server() !== undefined;
  }

  /** A test costs our server two answers: strangers have us make few. */
  #mayStartPortTest(p: PeerId, now: Millis): boolean {
    if (!this.#mayTestPorts(p)) return false;
    return this.#states.holds.count(p) > 0 || this.#strangersTests.take(now);
  }

  #startPortTest(p: PeerId, now: Millis, sink: TunnelSink): Millis {
    const { paths, server } = this.#parts;
    if (paths.randomPath[p] === SERVICE_PATH) paths.randomPath[p] = this.#takePort(p, now);
    const path = paths.randomPath[p]!;
    const current = server();
    if (path === SERVICE_PATH || current === undefined) return this.#sendIndirect(p, now, sink);
    const port = paths.peerRandomPort[p]! || this.embeddedPort(p);
    this.#portTests.sendFirst(path, current, now, sink);
    this.#bubbles.sendDirect(p, this.embeddedAddress(p), port, path, sink);
    this.#portTests.sendSecond(path, current, now, sink);
    paths.setTesting(p, true);
    paths.portTests[p]!++;
    return now + paths.portTests[p]! * SECOND;
  }

  testAgain(p: PeerId, now: Millis, sink: TunnelSink): Millis {
    const { paths, peers } = this.#parts;
    paths.setTesting(p, false);
    // Not for who only asked for us: each test has a bubble for him.
    if (this.#mayTestPorts(p) && this.#states.holds.count(p) > 0) {
      // A turn of its own: else the asking would outlast what waits for it, and nobody be told.
      peers.addTurn(p);
      return this.#startPortTest(p, now, sink);
    }
    return this.#sendIndirect(p, now, sink);
  }

  /** An advertisement that came by the random port of `p`. RFC 6081 §5.5.4.4 */
  receiveAdvertisement(
    p: PeerId,
    arrival: UdpDatagram,
    d: TeredoDatagram,
    now: Millis,
    sink: TunnelSink,
  ): Drop {
    const { paths, server } = this.#parts;
    const current = server();
    if (current === undefined || !paths.isTesting(p)) return Drop.NotAccepted;
    const drop = this.#portTests.receive(arrival, d, current);
    if (drop !== Drop.None) return drop;
    const port = this.#portTests.predicted(arrival.local);
    if (port === 0) return Drop.None;
    paths.randomPort[p] = port;
    paths.setTesting(p, false);
    this.#states.setTimer(p, this.#sendIndirect(p, now, sink), now);
    return Drop.None;
  }

  // Answers

  /**
   * To an indirect bubble, whose trailers have been noted: direct bubbles by every way that it names.
   * RFC 4380 §5.2.6, RFC 6081 §5.2.4.2, §5.4.4.3, §5.6.4.2
   */
  answer(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { peers, paths } = this.#parts;
    if (now - paths.answeredAt[p]! >= ANSWER_INTERVAL) {
      paths.answeredAt[p] = now;
      this.#sendDirect(p, sink);
      if (!peers.isValid(p, now)) this.#answerElsewhere(p, now, sink);
    }
    if (!peers.isValid(p, now)) {
      // Where ports matter, the direct bubble alone reaches few. A test costs more than to wait for that.
      const isUrgent = paths.peerRandomPort[p] !== 0 || this.#keepsPorts();
      this.#states.invite(p, isUrgent, now, sink);
    }
  }

  /** UPnP has opened one in its NAT, which takes what comes from any port: one of two bubbles goes there. */
  #hasOpenPort(p: PeerId): boolean {
    return this.#parts.paths.hasAlternate(p, this.embeddedAddress(p));
  }

  /** By its random port, and at its alternate addresses. */
  #answerElsewhere(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { paths } = this.#parts;
    if (!this.#isOneHost(p)) this.#answerByRandomPort(p, now, sink);
    for (let i = 0; i < paths.alternates[p]!; i++) {
      const address = paths.alternateAddress(p, i);
      this.#bubbles.sendDirect(p, address, paths.alternatePort(p, i), SERVICE_PATH, sink);
    }
  }

  /**
   * RFC 6081 §5.4.4.3 has it for who is behind a symmetric NAT that keeps ports. §6.4, step 6C, needs it
   * of a peer behind a port-restricted one, which has no random port: it sends by the service port.
   */
  #answerByRandomPort(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { paths, peers, nat } = this.#parts;
    const peerPort = paths.peerRandomPort[p]!;
    if (peerPort !== 0 && this.#keepsPorts()) this.#openRandomPort(p, now);
    const path = paths.randomPath[p]!;
    if (path === SERVICE_PATH && (peerPort === 0 || nat.isSymmetric)) return;
    // The first packet from a random port decides whom our NAT keeps it for.
    const address = this.embeddedAddress(p);
    if (peerPort === 0 && this.#hasOpenPort(p)) return;
    const port = peerPort || this.embeddedPort(p);
    const isSent = peers.isMappedTo(p, address, port) && peers.localAddress(p) === path;
    // A test to come sends one itself, at the right moment.
    if (!isSent && !this.#mayTestPorts(p)) this.#bubbles.sendDirect(p, address, port, path, sink);
  }

  /** To a bubble by which the peer became trusted: so it hears of us as soon as we of it. */
  greet(p: PeerId, sink: TunnelSink, discovery: -1 | 0 | 1 = -1): void {
    this.#sendDirect(p, sink, discovery);
  }

  // Peers that are trusted

  /** For one that packets flow to, and that has been silent for 20 s: so that no flow has to stop. */
  refresh(p: PeerId, now: Millis, sink: TunnelSink): void {
    const { peers, paths, options } = this.#parts;
    const isNear = paths.isLocalAt(p, peers.mappedAddress(p), peers.mappedPort(p));
    if (isNear || (options().extensions.loadReduction && paths.knowsTrailers(p))) {
      if (paths.solicitations[p] === 0) this.#solicit(p, now, sink);
      return;
    }
    const idle = now - peers.lastBubble(p);
    if (idle < BUBBLE_INTERVAL || peers.bubblesSent(p) >= REFRESH_MAX) return;
    if (paths.isNative(p)) return void this.#test(p, now, sink);
    this.#sendDirect(p, sink);
    this.#sendIndirect(p, now, sink);
  }

  /** RFC 6081 §5.7: a bubble that asks for one, past the server. */
  #solicit(p: PeerId, now: Millis, sink: TunnelSink): void {
    this.#parts.paths.solicitations[p]!++;
    this.#sendDirect(p, sink, DISCOVERY_SOLICITATION);
    this.#states.setTimer(p, now + SOLICITATION_INTERVAL, now);
  }

  lookAfter(p: PeerId, now: Millis, sink: TunnelSink): Millis {
    const { paths } = this.#parts;
    const asked = paths.solicitations[p]!;
    if (asked > 0) {
      if (asked < SOLICITATIONS_MAX) this.#solicit(p, now, sink);
      else {
        paths.solicitations[p] = 0;
        this.#states.invite(p, true, now, sink);
      }
      return now + SOLICITATION_INTERVAL;
    }
    if (!this.#isKeptUp(p, now)) return Infinity;
    const next = this.nextKeepUp(p, now);
    if (next > now) return next;
    paths.refreshes[p]!++;
    this.#sendDirect(p, sink);
    this.#parts.peers.transmitted(p, now);
    return now + KEEP_UP_INTERVAL;
  }

  /** Whether a flow goes on by a deprecated address. */
  #isKeptUp(p: PeerId, now: Millis): boolean {
    const { paths, homes } = this.#parts;
    const home = paths.home[p]!;
    if (home === NO_HOME || !homes.isDeprecated(home)) return false;
    return now - paths.dataAt[p]! < DEPRECATED_FOR && paths.refreshes[p]! < REFRESHES_MAX;
  }

  nextKeepUp(p: PeerId, now: Millis): Millis {
    const { peers } = this.#parts;
    if (!this.#isKeptUp(p, now)) return peers.expiry(p);
    return Math.max(now, peers.lastTransmitted(p) + REFRESH_AFTER);
  }

  /** Of a peer that is reached through a random port: the Peer Refresh Timer. RFC 6081 §5.4.2.1 */
  refreshRandomPort(p: PeerId, interval: Millis, now: Millis, sink: TunnelSink): void {
    const { peers, paths } = this.#parts;
    paths.portTests[p] = 0;
    if (!peers.isTrusted(p) || peers.localAddress(p) === SERVICE_PATH) return;
    if (now - paths.dataAt[p]! < interval) paths.refreshes[p] = 0;
    else if (paths.refreshes[p]! < REFRESHES_MAX) {
      paths.refreshes[p]!++;
      this.#sendDirect(p, sink);
    }
  }

  /** Notes where the peer's flow goes. */
  setHome(p: PeerId, home: number, now: Millis): void {
    const { paths, homes } = this.#parts;
    paths.home[p] = home;
    paths.refreshes[p] = 0;
    if (home !== homes.current) homes.use(home, paths.beginning(p), now);
  }
}
