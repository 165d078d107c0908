import type { ClientBubbles } from "../peers/bubbles.ts";
import { readU32 } from "../../wire/bytes.ts";
import { Counter } from "../../counters.ts";
import { Drop } from "../../drops.ts";
import { isBubble, SOURCE_AT } from "../../wire/ipv6.ts";
import type { Opened } from "./opened.ts";
import type { ClientParts } from "../parts.ts";
import type { ClientPeers } from "../peers/states.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { Strangers } from "./strangers.ts";
import { hasMapping, isTeredo } from "../../wire/teredo_address.ts";
import type { Traversal } from "../peers/traversal.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** RFC 6081 §5.4.4.4: who has exchanged packets in this time does not change its random port. */
const EXCHANGE: Millis = 30_000;

/** What comes by way of our server: bubbles of who cannot reach us yet. RFC 4380 §5.2.3 */
export class FromServers {
  readonly #parts: ClientParts;
  readonly #states: ClientPeers;
  readonly #traversal: Traversal;
  readonly #bubbles: ClientBubbles;
  readonly #strangers: Strangers;
  readonly #opened: Opened;

  constructor(
    parts: ClientParts,
    states: ClientPeers,
    traversal: Traversal,
    bubbles: ClientBubbles,
    strangers: Strangers,
    opened: Opened,
  ) {
    this.#parts = parts;
    this.#states = states;
    this.#traversal = traversal;
    this.#bubbles = bubbles;
    this.#strangers = strangers;
    this.#opened = opened;
  }

  /** RFC 6081 §5.2.4.3 */
  receive(arrival: UdpDatagram, now: Millis, sink: TunnelSink): Drop {
    const { bytes: b } = arrival;
    const d = this.#opened.datagram;
    const { filter, options, counters } = this.#parts;
    const { originAddress, originPort } = d;
    const source = d.ipv6At + SOURCE_AT;
    if (!isBubble(b, d.ipv6At)) return Drop.NotBubbleOrIcmpv6;
    // The origin was told by who may be anybody: no private host is hit at his word. RFC 4380 §5.2.4
    if (!filter.isPeer(originAddress, originPort)) return Drop.MappedAddressNotGlobal;
    if (filter.isOurs(originAddress, originPort)) return Drop.OwnAddress;
    if (this.#parts.nat.isAt(originAddress, originPort)) return Drop.OwnAddress;
    if (!isTeredo(b, source, options().prefix)) {
      counters[Counter.bubbles_received]!++;
      return this.#answerOrigin(b, source, now, sink);
    }
    if (!hasMapping(b, source, originAddress, originPort)) return Drop.SourceMismatch;
    const p = this.#states.meet(b, source, originAddress, now, true);
    if (p === NO_PEER) return Drop.RateLimited;
    counters[Counter.bubbles_received]!++;
    this.#noteTrailers(p, b, now);
    this.#traversal.setHome(p, this.#opened.home, now);
    this.#traversal.answer(p, now, sink);
    if (this.#parts.peers.isValid(p, now)) this.#states.release(p, now, sink);
    return Drop.None;
  }

  /** A relay asks for us: a bubble to it opens our NAT, and shows it where we are. */
  #answerOrigin(b: Uint8Array, source: number, now: Millis, sink: TunnelSink): Drop {
    const { originAddress, originPort } = this.#opened.datagram;
    const p = this.#parts.peers.find(b, source);
    const isAwaited = p !== NO_PEER && this.#states.holds.count(p) > 0;
    const mayAnswer = isAwaited
      ? this.#strangers.mayAnswerAwaited(originAddress, originPort, now)
      : this.#strangers.mayAnswer(originAddress, originPort, now);
    if (!mayAnswer) return Drop.RateLimited;
    this.#bubbles.answerStranger(this.#opened.home, b, source, originAddress, originPort, sink);
    return Drop.None;
  }

  /** What an indirect bubble says of the ways to its sender. RFC 6081 §5.2.4.3, §5.4.4.4, §5.6.4.2 */
  #noteTrailers(p: PeerId, b: Uint8Array, now: Millis): void {
    const { paths, peers } = this.#parts;
    const trailers = this.#opened.trailers;
    if (trailers.nonceAt >= 0) {
      paths.setNonceReceived(p, readU32(b, trailers.nonceAt));
      paths.setKnowsTrailers(p);
    } else paths.clearNonceReceived(p);
    const port = trailers.randomPort;
    const known = paths.peerRandomPort[p]!;
    const isTalking = now - peers.lastReceived(p) < EXCHANGE || now - paths.dataAt[p]! < EXCHANGE;
    if (port !== 0 && port !== known && (known === 0 || !isTalking)) {
      paths.peerRandomPort[p] = port;
      if (known !== 0) this.#states.beginAnew(p);
    }
    const { hairpin } = this.#parts.options().extensions;
    paths.clearAlternates(p);
    for (let i = 0; hairpin && i < trailers.alternates; i++) {
      const address = trailers.alternateAddress(b, i);
      const alternatePort = trailers.alternatePort(b, i);
      if (this.#mayBeAt(p, address, alternatePort)) paths.addAlternate(p, address, alternatePort);
    }
  }

  /**
   * Whoever names a host more than once would have it hit as often, at his word: it counts once. But for the
   * peer's own address, where a symmetric NAT's port is one and the one that UPnP opened another: RFC 6081
   * §5.6.4.1.
   */
  #mayBeAt(p: PeerId, address: number, port: number): boolean {
    const { filter, nat, paths } = this.#parts;
    const embedded = this.#traversal.embeddedAddress(p);
    if (address === embedded) {
      return paths.peerRandomPort[p] === 0 && port !== this.#traversal.embeddedPort(p);
    }
    return address !== this.#bubbles.serverAddress(p) && address !== nat.mappedAddress &&
      filter.isElsewhere(address);
  }
}
