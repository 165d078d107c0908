import { REFRESH_AFTER } from "./bubbles.ts";
import { Counter, type Counters } from "../counters.ts";
import type { Hold } from "./hold.ts";
import { NO_PEER, type PeerId } from "./index.ts";
import type { Peers } from "./table.ts";
import type { Millis } from "../time.ts";

/** What passed for one peer without the rules: IPv6 packets and their bytes, and when the last did. */
export interface Passed {
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  readonly lastReceived: Millis;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly lastSent: Millis;
}

/**
 * For which peers somebody else may pass packets without the rules, and what became of them.
 *
 * A leased peer is one for which the rules would do nothing but pass its packets, at a mapping that
 * stays. Whoever passes them stops before {@link onRecall} returns, and at a time that he keeps
 * himself: that a peer falls silent calls nobody.
 */
export class PeerLeases {
  readonly #peers: Peers;
  readonly #hold: Hold;
  readonly #counters: Counters;

  constructor(peers: Peers, hold: Hold, counters: Counters) {
    this.#peers = peers;
    this.#hold = hold;
    this.#counters = counters;
  }

  /** Most peers. */
  get capacity(): number {
    return this.#peers.capacity;
  }

  /** Who hears, before it happens, that a leased peer goes, or what its lease rests on changes. */
  set onRecall(recall: (p: PeerId) => void) {
    this.#peers.onRecall = recall;
  }

  /** Peer of the Teredo address at `at`; {@link NO_PEER}: there is none. */
  find(b: Uint8Array, at: number): PeerId {
    return this.#peers.find(b, at);
  }

  /**
   * Whether the rules would only pass a packet from or to the peer: it has proven that it is where it
   * is, has been heard of (RFC 4380 §5.2.4), and nothing waits for it.
   */
  mayLease(p: PeerId, now: Millis): boolean {
    const peers = this.#peers;
    return p !== NO_PEER && peers.isValid(p, now) && peers.isProven(p) && !peers.isResolving(p) &&
      this.#hold.count(p) === 0;
  }

  /**
   * Whether a packet that passed at `now` came from where the peer is: a proven one's that comes from
   * the mapping in its address is carried as well, and says nothing of the peer.
   */
  isHeard(p: PeerId, now: Millis): boolean {
    return this.#peers.lastReceived(p) === now;
  }

  /** From when on a packet to the peer has a bubble go out beside it, if nothing is heard of it. */
  refreshAt(p: PeerId): Millis {
    return this.#peers.lastReceived(p) + REFRESH_AFTER;
  }

  setLeased(p: PeerId, leased: boolean): void {
    this.#peers.setLeased(p, leased);
  }

  mappedAddress(p: PeerId): number {
    return this.#peers.mappedAddress(p);
  }

  mappedPort(p: PeerId): number {
    return this.#peers.mappedPort(p);
  }

  /** Our address that the peer last wrote to; 0: any. */
  localAddress(p: PeerId): number {
    return this.#peers.localAddress(p);
  }

  /** Writes the peer's Teredo address, 16 bytes. */
  writeAddress(p: PeerId, b: Uint8Array, at: number): void {
    this.#peers.writeAddress(p, b, at);
  }

  /** Takes in what passed: it counts as if the rules had passed it. RFC 4380 §5.4.1, §5.4.2 */
  passed(p: PeerId, passed: Passed): void {
    const peers = this.#peers;
    const { receivedPackets, receivedBytes, lastReceived, sentPackets, sentBytes, lastSent } =
      passed;
    if (receivedPackets > 0) {
      peers.traffic.received(p, receivedPackets, receivedBytes);
      if (lastReceived > peers.lastReceived(p)) this.#hear(p, lastReceived);
    }
    if (sentPackets > 0) {
      peers.traffic.sent(p, sentPackets, sentBytes);
      if (lastSent > peers.lastTransmitted(p)) peers.transmitted(p, lastSent);
    }
  }

  /** What came before a bubble does not answer it. RFC 4380 §5.2.6 */
  #hear(p: PeerId, at: Millis): void {
    const peers = this.#peers;
    const bubbles = peers.bubblesSent(p);
    if (bubbles > 0 && at < peers.lastBubble(p)) return;
    if (bubbles > 0) this.#counters[Counter.bubbles_answered]!++;
    peers.received(p, at);
  }
}
