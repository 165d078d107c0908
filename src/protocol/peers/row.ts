import type { Hold } from "./hold.ts";
import type { PeerId } from "./index.ts";
import type { Peers } from "./table.ts";
import type { Millis } from "../time.ts";
import { IPV6_LENGTH } from "../wire/ipv6.ts";

/** What is told of one peer; times are how long ago, of the moment that it was written down. */
export interface PeerRow {
  /** Teredo address; the caller's own. */
  readonly address: Uint8Array;
  readonly mappedAddress: number;
  readonly mappedPort: number;
  /** RFC 4380 §5.2 */
  readonly trusted: boolean;
  /** Trusted, and heard of within 30 s. RFC 4380 §5.2.4 */
  readonly valid: boolean;
  readonly resolving: boolean;
  readonly proven: boolean;
  /** Its packets may pass without the rules, by a lease. */
  readonly leased: boolean;
  /** Without a direct answer since. RFC 4380 §5.2.6 */
  readonly bubblesSent: number;
  /** Of one that is trusted, to a second. */
  readonly trustedFor: Millis;
  /** Since the last packet or bubble from it; of one that never sent any, a time without meaning. */
  readonly receivedAgo: Millis;
  readonly transmittedAgo: Millis;
  readonly bubbleAgo: Millis;
  readonly receivedPackets: number;
  readonly receivedBytes: number;
  readonly sentPackets: number;
  readonly sentBytes: number;
  readonly heldPackets: number;
  readonly heldBytes: number;
  /** Of a client's peer: its place in `WAYS` of `client/peers/ways.ts`; else {@link NO_WAY}. */
  readonly way: number;
  /** Of a client's peer, from a question to its answer; 0: not measured. */
  readonly roundTrip: Millis;
}

/** Of a relay's peer. */
export const NO_WAY = -1;

/** What a client knows of its peers besides. */
export interface PeerWays {
  way(p: PeerId): number;
  readonly roundTrip: Float32Array;
}

/** Cells of a row, as float64; the address is the bytes of the first two. */
const CELLS = 18;
const MAPPED_ADDRESS = 2;
const MAPPED_PORT = 3;
const FLAGS = 4;
const BUBBLES_SENT = 5;
const TRUSTED_FOR = 6;
const RECEIVED_AGO = 7;
const TRANSMITTED_AGO = 8;
const BUBBLE_AGO = 9;
const RECEIVED_PACKETS = 10;
const RECEIVED_BYTES = 11;
const SENT_PACKETS = 12;
const SENT_BYTES = 13;
const HELD_PACKETS = 14;
const HELD_BYTES = 15;
const WAY = 16;
const ROUND_TRIP = 17;

const TRUSTED = 1;
const VALID = 2;
const RESOLVING = 4;
const PROVEN = 8;
const LEASED = 16;

export const PEER_ROW_LENGTH = 8 * CELLS;

/** Rows of one length in memory that two threads may share: one writes them, then another reads. */
export class PeerRows {
  readonly #cells: Float64Array;
  readonly #bytes: Uint8Array;

  /** @param at multiple of 8 */
  constructor(buffer: ArrayBufferLike, at: number, capacity: number) {
    this.#cells = new Float64Array(buffer, at, CELLS * capacity);
    this.#bytes = new Uint8Array(buffer, at, PEER_ROW_LENGTH * capacity);
  }

  write(
    i: number,
    peers: Peers,
    hold: Hold,
    ways: PeerWays | undefined,
    p: PeerId,
    now: Millis,
  ): void {
    const cells = this.#cells;
    const at = i * CELLS;
    peers.writeAddress(p, this.#bytes, i * PEER_ROW_LENGTH);
    cells[at + MAPPED_ADDRESS] = peers.mappedAddress(p);
    cells[at + MAPPED_PORT] = peers.mappedPort(p);
    cells[at + FLAGS] = flagsOf(peers, p, now);
    cells[at + BUBBLES_SENT] = peers.bubblesSent(p);
    cells[at + TRUSTED_FOR] = now - peers.trustedSince(p);
    cells[at + RECEIVED_AGO] = now - peers.lastReceived(p);
    cells[at + TRANSMITTED_AGO] = now - peers.lastTransmitted(p);
    cells[at + BUBBLE_AGO] = now - peers.lastBubble(p);
    cells[at + RECEIVED_PACKETS] = peers.traffic.receivedPackets(p);
    cells[at + RECEIVED_BYTES] = peers.traffic.receivedBytes(p);
    cells[at + SENT_PACKETS] = peers.traffic.sentPackets(p);
    cells[at + SENT_BYTES] = peers.traffic.sentBytes(p);
    cells[at + HELD_PACKETS] = hold.count(p);
    cells[at + HELD_BYTES] = hold.bytesOf(p);
    cells[at + WAY] = ways === undefined ? NO_WAY : ways.way(p);
    cells[at + ROUND_TRIP] = ways === undefined ? 0 : ways.roundTrip[p]!;
  }

  read(i: number): PeerRow {
    const from = i * PEER_ROW_LENGTH;
    const cell = (name: number) => this.#cells[i * CELLS + name]!;
    const flags = cell(FLAGS);
    return {
      address: this.#bytes.slice(from, from + IPV6_LENGTH),
      mappedAddress: cell(MAPPED_ADDRESS),
      mappedPort: cell(MAPPED_PORT),
      trusted: (flags & TRUSTED) !== 0,
      valid: (flags & VALID) !== 0,
      resolving: (flags & RESOLVING) !== 0,
      proven: (flags & PROVEN) !== 0,
      leased: (flags & LEASED) !== 0,
      bubblesSent: cell(BUBBLES_SENT),
      trustedFor: cell(TRUSTED_FOR),
      receivedAgo: cell(RECEIVED_AGO),
      transmittedAgo: cell(TRANSMITTED_AGO),
      bubbleAgo: cell(BUBBLE_AGO),
      receivedPackets: cell(RECEIVED_PACKETS),
      receivedBytes: cell(RECEIVED_BYTES),
      sentPackets: cell(SENT_PACKETS),
      sentBytes: cell(SENT_BYTES),
      heldPackets: cell(HELD_PACKETS),
      heldBytes: cell(HELD_BYTES),
      way: cell(WAY),
      roundTrip: cell(ROUND_TRIP),
    };
  }
}

function flagsOf(peers: Peers, p: PeerId, now: Millis): number {
  return (peers.isTrusted(p) ? TRUSTED : 0) | (peers.isValid(p, now) ? VALID : 0) |
    (peers.isResolving(p) ? RESOLVING : 0) | (peers.isProven(p) ? PROVEN : 0) |
    (peers.isLeased(p) ? LEASED : 0);
}
