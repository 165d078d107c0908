import { writeU32 } from "../wire/bytes.ts";
import { PeerAges } from "./ages.ts";
import { NO_PEER, type PeerId, PeerIndex, PEERS_MAX, word, WORDS } from "./index.ts";
import { AddressCounts } from "../guard/address_counts.ts";
import {
  BUBBLES,
  BYTES,
  FLAGS,
  HALVES,
  LAST_BUBBLE,
  LAST_RECEIVED,
  LAST_TRANSMITTED,
  LEASED,
  LOCAL,
  MAPPED_ADDRESS,
  MAPPED_PORT,
  PROVEN,
  RESOLVING,
  TAKEN,
  TIMES,
  TRUSTED,
  TRUSTED_SINCE,
  TURNS,
  WANTED,
} from "./entry.ts";
import { oldestOfMapping } from "./give_way.ts";
import { StateCounts } from "./state_counts.ts";
import { PeerTraffic } from "./traffic.ts";
import type { Millis } from "../time.ts";

/** A peer entry is valid while its last reception is less than this ago. RFC 4380 §5.2.4 */
export const PEER_VALIDITY: Millis = 30_000;
/**
 * An entry is forgotten this long after the last packet or bubble either way. Not sooner: the
 * limit of four bubbles in 300 s (RFC 4380 §5.2.6) must be remembered.
 */
export const PEER_LIFETIME: Millis = 300_000;

/** A reception moves an entry to its list's end at most once in this time. */
const RELINK_STEP: Millis = 1_024;

/**
 * The list of recent peers: entries by Teredo address, in flat memory.
 *
 * No object is made for a peer or a packet, and memory is touched only as entries are used.
 *
 * It knows nothing of packets, timers and sending: who removes an entry lets go of those. Who makes
 * one sees to it that those of one mapping are few: {@link countOfMapping}.
 */
export class Peers {
  readonly capacity: number;
  readonly traffic: PeerTraffic;
  readonly counts = new StateCounts();
  /** Who hears, just before, that what an entry's lease rests on is about to change; the lease is over. */
  onRecall: ((p: PeerId) => void) | undefined;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  readonly #u16: Uint16Array;
  readonly #u8: Uint8Array;
  readonly #times: Float64Array;
  readonly #index: PeerIndex;
  readonly #ages: PeerAges;
  readonly #trustedByAddress: AddressCounts;
  /** Entries given back, linked through their first word. */
  #free = NO_PEER;
  /** Entries ever used are 1..#used. */
  #used = 0;
  #size = 0;

  /**
   * @param capacity most entries, 1 to {@link PEERS_MAX}
   * @param key0 with `key1`, 64 random bits that no peer knows
   * @param isWhole see {@link PeerIndex}
   */
  constructor(capacity: number, key0: number, key1: number, isWhole = false) {
    if (!(capacity >= 1 && capacity <= PEERS_MAX)) {
      throw new RangeError(`A table of ${capacity} peers`);
    }
    this.capacity = capacity;
    this.traffic = new PeerTraffic(capacity);
    const memory = new ArrayBuffer(BYTES * (capacity + 1));
    this.#i32 = new Int32Array(memory);
    this.#u32 = new Uint32Array(memory);
    this.#u16 = new Uint16Array(memory);
    this.#u8 = new Uint8Array(memory);
    this.#times = new Float64Array(memory);
    this.#index = new PeerIndex(this.#i32, capacity, key0, key1, isWhole);
    this.#ages = new PeerAges(capacity);
    this.#trustedByAddress = new AddressCounts(key0, key1);
  }

  get size(): number {
    return this.#size;
  }

  /** No entry has a higher number. */
  get last(): PeerId {
    return this.#used;
  }

  /** Whether the entry of this number is some peer's. */
  has(p: PeerId): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & TAKEN) !== 0;
  }

  /** Entry of the 16 address bytes at `at`; {@link NO_PEER} when there is none. */
  find(b: Uint8Array, at: number): PeerId {
    return this.#index.find(b, at);
  }

  /**
   * Makes an entry, not trusted and with no mapping. The address must not have one yet.
   *
   * Its dates lie so far back that nothing waits for them. RFC 4380 §5.2.6
   *
   * @returns {@link NO_PEER} when the table is full
   */
  insert(b: Uint8Array, at: number, now: Millis): PeerId {
    const p = this.#allocate();
    if (p === NO_PEER) return NO_PEER;
    const record = p * WORDS;
    for (let i = 0; i < 4; i++) this.#i32[record + i] = word(b, at + 4 * i);
    this.#u32.fill(0, record + MAPPED_ADDRESS, record + WORDS);
    this.#u8[p * BYTES + FLAGS] = TAKEN;
    this.#times[p * TIMES + LAST_RECEIVED] = now - PEER_VALIDITY;
    this.#times[p * TIMES + LAST_TRANSMITTED] = now - PEER_VALIDITY;
    this.#times[p * TIMES + LAST_BUBBLE] = now - PEER_LIFETIME;
    this.#index.enter(p);
    this.#ages.append(p, false);
    this.#size++;
    this.counts.add(TAKEN);
    return p;
  }

  remove(p: PeerId): void {
    this.#recall(p);
    this.#index.leave(p);
    this.#ages.remove(p, this.isTrusted(p));
    if (this.isTrusted(p)) this.#trustedByAddress.remove(this.mappedAddress(p));
    this.counts.remove(this.#u8[p * BYTES + FLAGS]!);
    this.traffic.clear(p);
    this.#u8[p * BYTES + FLAGS] = 0;
    this.#u32[p * WORDS] = this.#free;
    this.#free = p;
    this.#size--;
  }

  /**
   * The entry that has to give way to a new one: the oldest that is not trusted, else the trusted
   * one that has been silent longest. {@link NO_PEER} when that one is still valid: no stranger
   * pushes out a peer that is there.
   */
  oldest(now: Millis): PeerId {
    const { first } = this.#ages;
    return first !== NO_PEER && this.isValid(first, now) ? NO_PEER : first;
  }

  /** Where {@link next} begins: all entries, who gives way first at the front. */
  first(): PeerId {
    return this.#ages.first;
  }

  /** The entry after `p`; {@link NO_PEER} after the last. */
  next(p: PeerId): PeerId {
    return this.#ages.next(p, this.isTrusted(p));
  }

  /** Entries whose address has the same mapping as the one at `at`, whatever server and flags. */
  countOfMapping(b: Uint8Array, at: number): number {
    return this.#index.countOfMapping(b, at);
  }

  /**
   * Of the same entries the one that has to give way: first who is not trusted, then who is but has
   * not proven it and is silent, then any that is silent; the longest silent of these.
   * {@link NO_PEER} when all of them are still valid.
   *
   * @param proven whether the new one has proven itself: then who has not gives way though valid
   */
  oldestOfMapping(b: Uint8Array, at: number, proven: boolean, now: Millis): PeerId {
    return oldestOfMapping(this, this.#index, b, at, proven, now);
  }

  isTrusted(p: PeerId): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & TRUSTED) !== 0;
  }

  /** Trusted, and heard of lately enough to be sent to. RFC 4380 §5.2.4 */
  isValid(p: PeerId, now: Millis): boolean {
    return this.isTrusted(p) && now - this.lastReceived(p) < PEER_VALIDITY;
  }

  /** Whether it is trusted by its answer to a bubble, at the mapping that it has. */
  isProven(p: PeerId): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & PROVEN) !== 0;
  }

  setProven(p: PeerId, proven: boolean): void {
    if (proven === this.isProven(p)) return;
    this.#recall(p);
    this.#u8[p * BYTES + FLAGS]! ^= PROVEN;
  }

  isResolving(p: PeerId): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & RESOLVING) !== 0;
  }

  /** Whether it is trusted, at this very mapping, with no bubble outstanding. */
  isSettledAt(p: PeerId, address: number, port: number): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & (TRUSTED | RESOLVING)) === TRUSTED &&
      this.isMappedTo(p, address, port);
  }

  isMappedTo(p: PeerId, address: number, port: number): boolean {
    return this.#u32[p * WORDS + MAPPED_ADDRESS] === address &&
      this.#u16[p * HALVES + MAPPED_PORT] === port;
  }

  setTrusted(p: PeerId, trusted: boolean): void {
    if (trusted === this.isTrusted(p)) return;
    this.#recall(p);
    this.#ages.remove(p, !trusted);
    this.#turn(p, TRUSTED);
    this.#ages.append(p, trusted);
    if (trusted) this.#trustedByAddress.add(this.mappedAddress(p));
    else this.#trustedByAddress.remove(this.mappedAddress(p));
  }

  /** Of one that is trusted, to a second. */
  trustedSince(p: PeerId): Millis {
    return this.#i32[p * WORDS + TRUSTED_SINCE]! * 1_000;
  }

  setTrustedSince(p: PeerId, now: Millis): void {
    this.#i32[p * WORDS + TRUSTED_SINCE] = Math.floor(now / 1_000);
  }

  /** Its turns start again. */
  setResolving(p: PeerId, resolving: boolean): void {
    if (resolving !== this.isResolving(p)) {
      this.#recall(p);
      this.#turn(p, RESOLVING);
    }
    this.#u8[p * BYTES + TURNS] = 0;
  }

  /** How often it was time for a bubble since the peer is resolving, whether one went out or not. */
  turns(p: PeerId): number {
    return this.#u8[p * BYTES + TURNS]!;
  }

  addTurn(p: PeerId): void {
    this.#u8[p * BYTES + TURNS]!++;
  }

  /** Whether its packets may pass elsewhere as well, as long as {@link onRecall} is not called for it. */
  isLeased(p: PeerId): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & LEASED) !== 0;
  }

  setLeased(p: PeerId, leased: boolean): void {
    if (leased !== this.isLeased(p)) this.#u8[p * BYTES + FLAGS]! ^= LEASED;
  }

  /** Whether a packet came for the peer since the last bubble. */
  isWanted(p: PeerId): boolean {
    return (this.#u8[p * BYTES + FLAGS]! & WANTED) !== 0;
  }

  setWanted(p: PeerId): void {
    this.#u8[p * BYTES + FLAGS]! |= WANTED;
  }

  mappedAddress(p: PeerId): number {
    return this.#u32[p * WORDS + MAPPED_ADDRESS]!;
  }

  mappedPort(p: PeerId): number {
    return this.#u16[p * HALVES + MAPPED_PORT]!;
  }

  /** Our address that the peer last wrote to; 0 while it has not. */
  localAddress(p: PeerId): number {
    return this.#u32[p * WORDS + LOCAL]!;
  }

  /** How many trusted entries are mapped to the IPv4 address; see `AddressCounts`. */
  trustedAt(address: number): number {
    return this.#trustedByAddress.count(address);
  }

  setMapping(p: PeerId, address: number, port: number, local: number): void {
    if (!this.isMappedTo(p, address, port)) this.#recall(p);
    const before = this.mappedAddress(p);
    if (before !== address && this.isTrusted(p)) {
      this.#trustedByAddress.remove(before);
      this.#trustedByAddress.add(address);
    }
    this.#u32[p * WORDS + MAPPED_ADDRESS] = address;
    this.#u16[p * HALVES + MAPPED_PORT] = port;
    this.setLocalAddress(p, local);
  }

  setLocalAddress(p: PeerId, local: number): void {
    if (local === this.localAddress(p)) return;
    this.#recall(p);
    this.#u32[p * WORDS + LOCAL] = local;
  }

  lastReceived(p: PeerId): Millis {
    return this.#times[p * TIMES + LAST_RECEIVED]!;
  }

  lastTransmitted(p: PeerId): Millis {
    return this.#times[p * TIMES + LAST_TRANSMITTED]!;
  }

  lastBubble(p: PeerId): Millis {
    return this.#times[p * TIMES + LAST_BUBBLE]!;
  }

  /** Bubbles sent without a direct answer since. RFC 4380 §5.2.6 */
  bubblesSent(p: PeerId): number {
    return this.#u8[p * BYTES + BUBBLES]!;
  }

  /** A packet came from the peer itself: it is also the direct answer to all bubbles. */
  received(p: PeerId, now: Millis): void {
    const before = this.lastReceived(p);
    this.#times[p * TIMES + LAST_RECEIVED] = now;
    this.#u8[p * BYTES + BUBBLES] = 0;
    if (Math.floor(before / RELINK_STEP) === Math.floor(now / RELINK_STEP)) return;
    this.#ages.renew(p, this.isTrusted(p));
  }

  transmitted(p: PeerId, now: Millis): void {
    this.#times[p * TIMES + LAST_TRANSMITTED] = now;
  }

  bubbled(p: PeerId, now: Millis): void {
    this.#times[p * TIMES + LAST_BUBBLE] = now;
    this.#u8[p * BYTES + BUBBLES]!++;
    this.#u8[p * BYTES + FLAGS]! &= ~WANTED;
  }

  forgetBubbles(p: PeerId): void {
    this.#u8[p * BYTES + BUBBLES] = 0;
  }

  /** Gives an entry the past that it had in another table. */
  setPast(p: PeerId, received: Millis, transmitted: Millis, bubble: Millis, bubbles: number): void {
    this.#times[p * TIMES + LAST_RECEIVED] = received;
    this.#times[p * TIMES + LAST_TRANSMITTED] = transmitted;
    this.#times[p * TIMES + LAST_BUBBLE] = bubble;
    this.#u8[p * BYTES + BUBBLES] = bubbles;
  }

  /** When the entry is to be forgotten if nothing more happens. */
  expiry(p: PeerId): Millis {
    const last = Math.max(this.lastReceived(p), this.lastTransmitted(p), this.lastBubble(p));
    return last + PEER_LIFETIME;
  }

  /** Writes the peer's Teredo address, 16 bytes. */
  writeAddress(p: PeerId, b: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) writeU32(b, at + 4 * i, this.#i32[p * WORDS + i]!);
  }

  /** Before anything changes that a lease rests on. */
  #recall(p: PeerId): void {
    const at = p * BYTES + FLAGS;
    if ((this.#u8[at]! & LEASED) === 0) return;
    this.onRecall?.(p);
    this.#u8[at]! &= ~LEASED;
  }

  #turn(p: PeerId, flag: number): void {
    const at = p * BYTES + FLAGS;
    this.counts.remove(this.#u8[at]!);
    this.#u8[at]! ^= flag;
    this.counts.add(this.#u8[at]!);
  }

  #allocate(): PeerId {
    const p = this.#free;
    if (p !== NO_PEER) {
      this.#free = this.#u32[p * WORDS]!;
      return p;
    }
    return this.#used < this.capacity ? ++this.#used : NO_PEER;
  }
}
