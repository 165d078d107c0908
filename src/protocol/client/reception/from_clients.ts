import { readU32 } from "../../wire/bytes.ts";
import { SERVICE_PATH } from "../contract.ts";
import { Counter } from "../../counters.ts";
import { deliver } from "./delivery.ts";
import { Drop } from "../../drops.ts";
import { NO_HOME } from "../servers/homes.ts";
import type { Opened } from "./opened.ts";
import type { ClientParts } from "../parts.ts";
import type { ClientPeers } from "../peers/states.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import {
  hasMapping,
  mappedAddressOf,
  mappedPortOf,
  serverAddressOf,
} from "../../wire/teredo_address.ts";
import type { Traversal } from "../peers/traversal.ts";
import { DISCOVERY_ADVERTISEMENT, DISCOVERY_SOLICITATION } from "../../wire/trailers.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";
import type { UdpDatagram } from "../../wire/udp_datagram.ts";

/** After an indirect bubble its nonce proves so long where a peer is that is heard of elsewhere. */
const NONCE_PROVES: Millis = 10_000;

/** Who a packet came from. */
const Proof = {
  None: 0,
  /** From the mapping in its address, or where it told on our link: anybody may have forged it. */
  Named: 1,
  /** It has the nonce, or comes from where that was told from. */
  Proven: 2,
} as const;
type Proof = (typeof Proof)[keyof typeof Proof];

/** What comes from other clients, straight from where they are. RFC 4380 §5.2.3, RFC 6081 §5.2.4.4 */
export class FromClients {
  readonly #parts: ClientParts;
  readonly #states: ClientPeers;
  readonly #traversal: Traversal;
  readonly #opened: Opened;

  constructor(parts: ClientParts, states: ClientPeers, traversal: Traversal, opened: Opened) {
    this.#parts = parts;
    this.#states = states;
    this.#traversal = traversal;
    this.#opened = opened;
  }

  /** Cases 1, 3 and 5, and RFC 6081 §5.2.4.4. */
  receive(
    known: PeerId,
    arrival: UdpDatagram,
    source: number,
    bubble: boolean,
    now: Millis,
    sink: TunnelSink,
  ): Drop {
    const { bytes: b, address, port } = arrival;
    const { peers, counters } = this.#parts;
    let p = known;
    const isSettled = p !== NO_PEER && peers.isTrusted(p) && peers.isMappedTo(p, address, port) &&
      !peers.isResolving(p);
    let isGreeted = false;
    if (isSettled && peers.localAddress(p) === arrival.local) {
      if (bubble) this.#states.measure(p, now);
      this.#states.hear(p, now);
    } else {
      const proof = this.#proofOf(p, arrival, source, bubble, now);
      if (proof === Proof.None) return this.#refuse(p, arrival, source, bubble, now, sink);
      if (p === NO_PEER) p = this.#states.meet(b, source, address, now);
      if (p === NO_PEER) return Drop.RateLimited;
      isGreeted = this.#recognize(p, arrival, proof, bubble, now, sink);
    }
    if (!bubble) return deliver(this.#parts, this.#opened, p, b, now, sink);
    counters[Counter.bubbles_received]!++;
    if (this.#opened.trailers.discovery !== -1) this.#parts.paths.setKnowsTrailers(p);
    // Only to where the peer is trusted to be.
    if (!isGreeted && this.#discovery !== -1 && peers.isMappedTo(p, address, port)) {
      this.#traversal.greet(p, sink, this.#discovery);
    }
    return Drop.None;
  }

  /** What a bubble of ours says of discovery in answer to the one at hand. RFC 6081 §5.7.4.2 */
  get #discovery(): typeof DISCOVERY_ADVERTISEMENT | -1 {
    const isAsked = this.#opened.trailers.discovery === DISCOVERY_SOLICITATION;
    return isAsked ? DISCOVERY_ADVERTISEMENT : -1;
  }

  #proofOf(
    p: PeerId,
    arrival: UdpDatagram,
    source: number,
    bubble: boolean,
    now: Millis,
  ): Proof {
    const { bytes: b, address, port } = arrival;
    const { peers, paths, filter, options } = this.#parts;
    const { nonceAt } = this.#opened.trailers;
    if (p !== NO_PEER && bubble && nonceAt >= 0 && options().extensions.symmetric) {
      if (paths.isNonceSent(p, readU32(b, nonceAt))) return Proof.Proven;
    }
    if (p !== NO_PEER && peers.isTrusted(p) && peers.isMappedTo(p, address, port)) {
      return peers.isProven(p) ? Proof.Proven : Proof.Named;
    }
    // Not for what is private: whoever is on our own network could be named so. C-30
    if (hasMapping(b, source, address, port) && filter.isPeer(address, port)) return Proof.Named;
    const isNear = p !== NO_PEER && paths.isLocal(p, now) && paths.isLocalAt(p, address, port);
    return isNear ? Proof.Named : Proof.None;
  }

  /**
   * Weaker proof does not replace stronger: whom a nonce has proven to be at one mapping does not move
   * to the one in its address for a datagram from there, which anybody may have forged; nor to another
   * that the same nonce came from, while it is heard of. What came is carried, and that is all.
   *
   * @returns whether it was sent a bubble: one is enough for one
   */
  #recognize(
    p: PeerId,
    arrival: UdpDatagram,
    proof: Proof,
    bubble: boolean,
    now: Millis,
    sink: TunnelSink,
  ): boolean {
    const { peers, paths } = this.#parts;
    const { address, port, local } = arrival;
    const isMoving = !peers.isMappedTo(p, address, port) || peers.localAddress(p) !== local;
    const isThere = peers.isValid(p, now);
    if (isThere && isMoving && !this.#mayMove(p, arrival, proof, now)) return false;
    const isGreeted = bubble && (!isThere || isMoving);
    this.#states.trust(p, arrival, proof === Proof.Proven, now);
    if (paths.home[p] === NO_HOME) paths.home[p] = this.#opened.home;
    if (isGreeted) this.#traversal.greet(p, sink, this.#discovery);
    this.#states.releaseOrWait(p, now, sink);
    return isGreeted;
  }

  /** Of one that is heard of where it is. */
  #mayMove(p: PeerId, { address, port, local }: UdpDatagram, proof: Proof, now: Millis): boolean {
    const { peers, paths } = this.#parts;
    if (proof === Proof.Proven) {
      // Not by a nonce of long ago: whoever has learned it since has our packets go where he likes.
      if (now - paths.nonceSentAt(p) > NONCE_PROVES) return false;
      // From a random port to the service port it may go: RFC 6081 §5.4.4.5.
      const isToService = local === SERVICE_PATH && peers.localAddress(p) !== SERVICE_PATH;
      return isToService || !peers.isProven(p);
    }
    // Nor for a neighbour's word to a place on our own link.
    return !peers.isProven(p) && !paths.isLocalAt(p, address, port);
  }

  /** From a mapping that is not the one in its address, without proof. C-28: it is asked for some. */
  #refuse(
    p: PeerId,
    arrival: UdpDatagram,
    source: number,
    bubble: boolean,
    now: Millis,
    sink: TunnelSink,
  ): Drop {
    if (bubble) {
      return this.#opened.trailers.nonceAt >= 0 ? Drop.NonceMismatch : Drop.SourceMismatch;
    }
    const { bytes: b, address } = arrival;
    const { filter } = this.#parts;
    // C-43: the bubbles go to where the address says.
    const isAskable = filter.isPeer(mappedAddressOf(b, source), mappedPortOf(b, source)) &&
      filter.isServer(serverAddressOf(b, source));
    if (!isAskable) return Drop.SourceMismatch;
    const met = p === NO_PEER ? this.#states.meet(b, source, address, now) : p;
    if (met !== NO_PEER && !this.#parts.peers.isValid(met, now)) {
      this.#traversal.setHome(met, this.#opened.home, now);
      this.#states.invite(met, true, now, sink);
    }
    return Drop.SourceMismatch;
  }
}
