import { copyBytes } from "../wire/bytes.ts";
import { Counter, type Counters, DROPS_AT } from "../counters.ts";
import { Drop } from "../drops.ts";
import { Links } from "./links.ts";
import type { PeerId } from "./index.ts";
import type { RelayOptions } from "../relay/contract.ts";
import type { Millis } from "../time.ts";

/** Number of a held packet, 1 and up. */
export type Slot = number;
export const NO_SLOT: Slot = 0;

export type HoldOptions = Pick<
  RelayOptions,
  "holdPackets" | "holdBytes" | "holdAge" | "holdMemory" | "mtu" | "maxPeers"
>;

/** Hears of each held packet that is let go rather than sent: its bytes, and why. */
export type LetGo = (b: Uint8Array, at: number, length: number, reason: Drop) => void;

/** All held packets are also in one list, the oldest first. */
const BY_AGE = 0;

/**
 * Packets that wait until their peer is trusted: a queue for each peer, first in first out, in
 * slots of one MTU. RFC 4380 §5.4.1: "relays SHOULD limit the number of packets in such queues".
 *
 * Limits: packets, bytes and age for a peer, memory for all. A peer's full queue refuses what
 * comes; full memory lets the oldest packet of all go, so that a scan of the whole prefix cannot
 * keep out the packets of peers that will answer.
 *
 * Every packet it lets go of itself is counted here, under one drop reason.
 */
export class Hold {
  /** The slots, one after the other. Bytes of a slot are its packet's until {@link shift}. */
  memory!: Uint8Array;
  /** Whoever wants to know. */
  onLetGo: LetGo | undefined;
  #options: HoldOptions;
  readonly #counters: Counters;
  /** Of those there are, how many may be used. */
  #slots!: number;

  // By slot
  #next!: Uint32Array;
  #length!: Uint16Array;
  #owner!: Uint32Array;
  #heldAt!: Float64Array;
  #ages!: Links;
  #free = NO_SLOT;
  /** Slots ever used are 1..#used: memory is touched as it is needed. */
  #used = 0;

  // By peer
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  readonly #count: Uint32Array;
  readonly #bytes: Uint32Array;

  #packets = 0;
  #totalBytes = 0;

  constructor(options: HoldOptions, counters: Counters) {
    this.#options = options;
    this.#counters = counters;
    this.#makeSlots(slotsOf(options));
    this.#first = new Uint32Array(options.maxPeers + 1);
    this.#last = new Uint32Array(options.maxPeers + 1);
    this.#count = new Uint32Array(options.maxPeers + 1);
    this.#bytes = new Uint32Array(options.maxPeers + 1);
  }

  /**
   * Other limits, but for `mtu` and `maxPeers`. What is held stays, unless there is less memory than
   * it takes: then the oldest packets go.
   */
  set(options: HoldOptions): void {
    const { mtu, maxPeers } = this.#options;
    this.#options = { ...options, mtu, maxPeers };
    const slots = slotsOf(this.#options);
    while (this.#packets > slots) this.#drop(this.oldestOwner, Drop.HoldFull);
    // Slots that are there stay: to move what they hold would be a pause for nothing.
    if (slots <= this.#capacity) this.#slots = slots;
    else this.#move(slots);
  }

  get #capacity(): number {
    return this.#next.length - 1;
  }

  #makeSlots(slots: number): void {
    this.#slots = slots;
    this.memory = new Uint8Array(slots * this.#options.mtu);
    this.#next = new Uint32Array(slots + 1);
    this.#length = new Uint16Array(slots + 1);
    this.#owner = new Uint32Array(slots + 1);
    this.#heldAt = new Float64Array(slots + 1);
    this.#ages = new Links(slots, 1);
    this.#free = NO_SLOT;
    this.#used = 0;
  }

  /** Slots for packets of so many bytes, where those that there are hold less. */
  fit(mtu: number): void {
    if (mtu <= this.#options.mtu) return;
    const holdMemory = Math.max(this.#options.holdMemory, mtu);
    const options = { ...this.#options, mtu, holdMemory };
    const slots = slotsOf(options);
    while (this.#packets > slots) this.#drop(this.oldestOwner, Drop.HoldFull);
    this.#move(slots, options);
  }

  /** Most bytes of a packet that can be held. */
  get mtu(): number {
    return this.#options.mtu;
  }

  /** Moves what is held to so many new slots, in its order. */
  #move(slots: number, options = this.#options): void {
    const { memory } = this;
    const held: (readonly [p: PeerId, at: number, length: number, heldAt: Millis])[] = [];
    for (let s = this.#ages.first(BY_AGE); s !== NO_SLOT; s = this.#ages.first(BY_AGE)) {
      const p = this.#owner[s]!;
      held.push([p, this.at(s), this.#length[s]!, this.#heldAt[s]!]);
      this.shift(p);
    }
    this.#options = options;
    this.#makeSlots(slots);
    for (const [p, at, length, heldAt] of held) this.#put(p, memory, at, length, heldAt);
  }

  /** Held for all peers together. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#totalBytes;
  }

  /** Packets held for a peer. */
  count(p: PeerId): number {
    return this.#count[p]!;
  }

  /** Bytes held for a peer. */
  bytesOf(p: PeerId): number {
    return this.#bytes[p]!;
  }

  /** Whether the peer's queue takes a packet of so many bytes. */
  couldPush(p: PeerId, length: number): boolean {
    const { mtu, holdPackets, holdBytes } = this.#options;
    return length <= mtu && this.#count[p]! < holdPackets && this.#bytes[p]! + length <= holdBytes;
  }

  /** Puts a copy at the end of the peer's queue; false when that queue takes no more. */
  push(p: PeerId, b: Uint8Array, at: number, length: number, now: Millis): boolean {
    if (!this.couldPush(p, length)) return false;
    if (!this.#put(p, b, at, length, now)) return false;
    this.#counters[Counter.packets_held]!++;
    return true;
  }

  #put(p: PeerId, b: Uint8Array, at: number, length: number, heldAt: Millis): boolean {
    const slot = this.#allocate();
    if (slot === NO_SLOT) return false;
    copyBytes(this.memory, this.at(slot), b, at, length);
    this.#length[slot] = length;
    this.#owner[slot] = p;
    this.#heldAt[slot] = heldAt;
    this.#append(p, slot);
    return true;
  }

  /** The peer's oldest packet. */
  first(p: PeerId): Slot {
    return this.#first[p]!;
  }

  /** The one behind it in the same queue. */
  next(slot: Slot): Slot {
    return this.#next[slot]!;
  }

  /** Where its bytes start in {@link memory}. */
  at(slot: Slot): number {
    return (slot - 1) * this.#options.mtu;
  }

  length(slot: Slot): number {
    return this.#length[slot]!;
  }

  /** Lets the peer's oldest packet go; there must be one. */
  shift(p: PeerId): void {
    const slot = this.#first[p]!;
    const next = this.#next[slot]!;
    const length = this.#length[slot]!;
    this.#first[p] = next;
    if (next === NO_SLOT) this.#last[p] = NO_SLOT;
    this.#count[p]!--;
    this.#bytes[p]! -= length;
    this.#packets--;
    this.#totalBytes -= length;
    this.#ages.remove(BY_AGE, slot);
    this.#next[slot] = this.#free;
    this.#free = slot;
  }

  /** Lets all of a peer's packets go, for one reason. */
  discard(p: PeerId, reason: Drop): void {
    while (this.#first[p] !== NO_SLOT) this.#drop(p, reason);
  }

  /** Whose the oldest packet of all is; there must be one. */
  get oldestOwner(): PeerId {
    return this.#owner[this.#ages.first(BY_AGE)]!;
  }

  /** When the oldest packet of all has been held too long; Infinity when none is held. */
  nextExpiry(): Millis {
    const oldest = this.#ages.first(BY_AGE);
    return oldest === NO_SLOT ? Infinity : this.#heldAt[oldest]! + this.#options.holdAge;
  }

  /** Lets go of packets held too long, at most `limit` of them. */
  expire(now: Millis, limit: number): void {
    for (let i = 0; i < limit && this.nextExpiry() <= now; i++) {
      this.#drop(this.oldestOwner, Drop.HoldExpired);
    }
  }

  /** What is oldest of all is oldest of its peer. */
  #drop(p: PeerId, reason: Drop): void {
    const slot = this.#first[p]!;
    this.onLetGo?.(this.memory, this.at(slot), this.length(slot), reason);
    this.shift(p);
    this.#counters[DROPS_AT + reason]!++;
  }

  #allocate(): Slot {
    if (this.#packets >= this.#slots) {
      const oldest = this.#ages.first(BY_AGE);
      if (oldest === NO_SLOT) return NO_SLOT;
      this.#drop(this.#owner[oldest]!, Drop.HoldFull);
    }
    const slot = this.#free;
    if (slot === NO_SLOT) return ++this.#used;
    this.#free = this.#next[slot]!;
    return slot;
  }

  #append(p: PeerId, slot: Slot): void {
    this.#next[slot] = NO_SLOT;
    const last = this.#last[p]!;
    if (last === NO_SLOT) this.#first[p] = slot;
    else this.#next[last] = slot;
    this.#last[p] = slot;
    this.#ages.append(BY_AGE, slot);
    this.#count[p]!++;
    this.#bytes[p]! += this.#length[slot]!;
    this.#packets++;
    this.#totalBytes += this.#length[slot]!;
  }
}

function slotsOf({ holdMemory, mtu }: HoldOptions): number {
  return Math.floor(holdMemory / mtu);
}
