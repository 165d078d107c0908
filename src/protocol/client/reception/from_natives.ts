import type { ClientBubbles } from "../peers/bubbles.ts";
import { Counter } from "../../counters.ts";
import { checkContent, deliver } from "./delivery.ts";
import { Drop } from "../../drops.ts";
import type { EchoTests } from "../peers/echo_tests.ts";
import { ICMPV6_UNREACHABLE, UNREACHABLE_NO_ROUTE } from "../../wire/build.ts";
import {
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  NEXT_HEADER_ICMPV6,
  SOURCE_AT,
} from "../../wire/ipv6.ts";
import type { Opened } from "./opened.ts";
import type { ClientParts } from "../parts.ts";
import type { ClientPeers } from "../peers/states.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { Strangers } from "./strangers.ts";
import type { Traversal } from "../peers/traversal.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** What comes from native hosts, through a relay. RFC 4380 §5.2.3, cases 1, 2 and 6 */
export class FromNatives {
  /** Who hears that a host has answered a test. */
  onAnswer: ((now: Millis, sink: TunnelSink) => void) | undefined;
  /** Who hears that a packet has come from one that is trusted. */
  onPacket: ((p: PeerId, now: Millis) => void) | undefined;
  readonly #parts: ClientParts;
  readonly #states: ClientPeers;
  readonly #traversal: Traversal;
  readonly #bubbles: ClientBubbles;
  readonly #echoTests: EchoTests;
  readonly #strangers: Strangers;
  readonly #opened: Opened;

  constructor(
    parts: ClientParts,
    states: ClientPeers,
    traversal: Traversal,
    bubbles: ClientBubbles,
    echoTests: EchoTests,
    strangers: Strangers,
    opened: Opened,
  ) {
    this.#parts = parts;
    this.#states = states;
    this.#traversal = traversal;
    this.#bubbles = bubbles;
    this.#echoTests = echoTests;
    this.#strangers = strangers;
    this.#opened = opened;
  }

  /** Cases 1, 2 and 6: a native host, through whatever relay is near it. */
  receive(
    known: PeerId,
    arrival: UdpDatagram,
    bubble: boolean,
    now: Millis,
    sink: TunnelSink,
  ): Drop {
    const { bytes: b, address, port } = arrival;
    const { ipv6At, ipv6Length } = this.#opened.datagram;
    const { peers, filter } = this.#parts;
    let p = known;
    if (p !== NO_PEER && peers.isTrusted(p) && peers.isMappedTo(p, address, port)) {
      this.#states.hear(p, now);
    } else if (!filter.isPeer(address, port)) return Drop.SourceNotGlobal;
    else if (!this.#isAnswer(b, now)) {
      return this.#suspect(arrival, bubble, now, sink);
    }
    if (this.#isAnswer(b, now)) {
      // Each test moves its host once: by its token, it would go wherever the host likes for a minute.
      const isSettled = p !== NO_PEER && peers.isValid(p, now) && !peers.isResolving(p);
      if (isSettled && !peers.isMappedTo(p, address, port)) {
        this.onAnswer?.(now, sink);
        return Drop.SourceMismatch;
      }
      if (p === NO_PEER) p = this.#states.meet(b, ipv6At + SOURCE_AT, address, now);
      if (p === NO_PEER) return Drop.RateLimited;
      this.#states.trust(p, arrival, true, now);
      this.#states.release(p, now, sink);
      this.onAnswer?.(now, sink);
      return Drop.None;
    }
    if (this.#isIcmpv6(b) && this.#echoTests.isRefusal(b, ipv6At, ipv6Length, now)) {
      return this.#takeRefusal(b, now, sink);
    }
    if (!bubble) {
      this.onPacket?.(p, now);
      return deliver(this.#parts, this.#opened, p, b, now, sink);
    }
    this.#parts.counters[Counter.bubbles_received]!++;
    return Drop.None;
  }

  #isIcmpv6(b: Uint8Array): boolean {
    return b[this.#opened.datagram.ipv6At + NEXT_HEADER_AT] === NEXT_HEADER_ICMPV6;
  }

  #isAnswer(b: Uint8Array, now: Millis): boolean {
    const { ipv6At, ipv6Length } = this.#opened.datagram;
    return this.#isIcmpv6(b) && this.#echoTests.isAnswer(b, ipv6At, ipv6Length, now);
  }

  /** Case 6: a native host that has yet to show that this is the way to it. */
  #suspect(
    arrival: UdpDatagram,
    bubble: boolean,
    now: Millis,
    sink: TunnelSink,
  ): Drop {
    const { bytes: b, address } = arrival;
    const { ipv6At, ipv6Length } = this.#opened.datagram;
    if (this.#isIcmpv6(b) && this.#echoTests.isRefusal(b, ipv6At, ipv6Length, now)) {
      return this.#takeRefusal(b, now, sink);
    }
    if (bubble) return Drop.UnknownPeer;
    const drop = checkContent(b, this.#opened);
    if (drop !== Drop.None) return drop;
    if (!this.#strangers.mayMeet(address, false, now)) return Drop.RateLimited;
    const p = this.#states.enter(b, ipv6At + SOURCE_AT, now);
    if (p === NO_PEER) return Drop.PeerTableFull;
    this.#traversal.setHome(p, this.#opened.home, now);
    const held = this.#states.holdArrival(p, arrival, ipv6At, ipv6Length, now);
    this.#states.invite(p, true, now, sink);
    return held;
  }

  /**
   * What a test met on its way has been to the IPv6 Internet, and back through a relay: as good as an
   * answer. But for "no route", which is what a server's own router says that has no way there.
   */
  #takeRefusal(b: Uint8Array, now: Millis, sink: TunnelSink): Drop {
    const icmp = this.#opened.datagram.ipv6At + IPV6_HEADER_LENGTH;
    const hasNoRoute = b[icmp] === ICMPV6_UNREACHABLE && b[icmp + 1] === UNREACHABLE_NO_ROUTE;
    const p = this.#parts.peers.find(this.#echoTests.target, 0);
    const isAwaited = p !== NO_PEER && this.#states.refuse(p, now, sink);
    if (!hasNoRoute) this.onAnswer?.(now, sink);
    else if (isAwaited) this.#traversal.noteSilence(p, now, sink);
    return Drop.None;
  }

  /** A relay that lost its memory of us asks with a bubble whose link-local source holds a token. */
  challenge(arrival: UdpDatagram, source: number, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b, address, port } = arrival;
    // Only where we have a peer: else anybody could have us send to anybody.
    if (this.#parts.peers.trustedAt(address) === 0) return Drop.UnknownPeer;
    if (!this.#strangers.mayAnswer(address, port, now)) return Drop.RateLimited;
    this.#parts.counters[Counter.bubbles_received]!++;
    this.#bubbles.answerStranger(this.#opened.home, b, source, address, port, sink);
    return Drop.None;
  }
}
