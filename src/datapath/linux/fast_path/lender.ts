import type { Counters } from "#src/protocol/counters.ts";
import { NO_PEER, type PeerId } from "#src/protocol/peers/index.ts";
import type { PeerLeases } from "#src/protocol/peers/leases.ts";
import type { Millis } from "#src/protocol/time.ts";
import { Direction, type Lending } from "../../lending.ts";
import { LeaseBooks } from "./books.ts";
import { NO_LEASE } from "./leases.ts";
import { type LeaseMemory, LeaseSlots, type LeaseWay } from "./slots.ts";
import { SLOT_REST, SlotPool } from "./slot_pool.ts";
import {
  ALIVE,
  FRESH,
  IDLE,
  LEASE,
  LOOK_AGAIN,
  LOOK_ENDS,
  LOOK_SLOTS,
  MANY,
  PAUSE,
  RENEW_AFTER,
  RENEW_STEP,
  ROUND,
  SPREAD,
  STAGGER,
} from "./terms.ts";
import { type Grant, Wants } from "./wants.ts";

/** Leads the programs from a Teredo address to a slot. */
export interface LeaseMap {
  /** @returns whether there is room for it */
  put(address: Uint8Array, slot: number): boolean;
  delete(address: Uint8Array): void;
}

export interface Ways {
  /**
   * To `address` from our address `local`; undefined: by none that a program can send by.
   *
   * @returns what holds until the next call
   */
  to(address: number, local: number): LeaseWay | undefined;
  /** What was said of any address may no longer be so. */
  forget(): void;
}

export interface LenderOptions {
  readonly memory: LeaseMemory;
  readonly map: LeaseMap;
  readonly ways: Ways;
  /** Slots of this worker, from the first up to, without, the second. Never slot 0. */
  readonly slots: readonly [from: number, end: number];
  /** Our address, where the socket is bound to one; 0: each peer's own. */
  readonly local: number;
  /** The kernel's CLOCK_MONOTONIC in milliseconds, when our own says the same moment. */
  readonly clock: () => { readonly kernel: Millis; readonly now: Millis };
  /** Lets go of memory, map and ways. */
  readonly close: () => void;
}

/**
 * Lends peers to the kernel: who gets a lease, how long it holds, and what passed by it.
 *
 * A direction is opened when a packet of it came the slow way and nothing else waits; it closes 10 s
 * after the last one that did. So rules in the host's filters take effect within 10 s, and its
 * connection tracking sees the flow.
 *
 * It belongs to one worker's thread; all workers share the maps, and each has slots of its own. Any of
 * them keeps the programs going. If one hangs, its own leases run out.
 */
export class Lender implements Lending {
  readonly #leases: PeerLeases;
  readonly #slots: LeaseSlots;
  readonly #books: LeaseBooks;
  readonly #pool: SlotPool;
  readonly #options: LenderOptions;
  readonly #from: number;
  readonly #address = new Uint8Array(16);
  readonly #wants = [new Wants(), new Wants()] as const;
  readonly #prepares: readonly ((p: PeerId, now: Millis) => void)[];
  readonly #grants: readonly Grant[];

  // By peer
  readonly #slotOf: Uint32Array;
  readonly #notBefore: Float64Array;

  // By slot, counted from the first
  readonly #peer: Uint32Array;
  /** Up to when each direction is open, and when a packet of it last came the slow way. */
  readonly #until: readonly [Float64Array, Float64Array];
  readonly #shown: readonly [Float64Array, Float64Array];
  /** Whether many packets pass through it. */
  readonly #busy: readonly [Uint8Array, Uint8Array];
  /** Whether the slot says by which interface datagrams leave. */
  readonly #hasWay: Uint8Array;
  readonly #used: Float64Array;

  leases = 0;
  refused = 0;
  nextAt: Millis = Infinity;
  #suspended = true;
  /** The next slot that is looked at. */
  #at = 0;
  #aliveUntil: Millis = -Infinity;
  /** When all was taken in for who asked. */
  #takenAt: Millis = -Infinity;
  /** When the last lease ended. */
  #endedAt: Millis = -Infinity;

  constructor(leases: PeerLeases, counters: Counters, options: LenderOptions) {
    const [from, end] = options.slots;
    const count = end - from;
    this.#leases = leases;
    this.#options = options;
    this.#from = from;
    this.#slots = new LeaseSlots(options.memory);
    this.#books = new LeaseBooks(this.#slots, leases, counters, from, end);
    this.#pool = new SlotPool(from, end);
    this.#slotOf = new Uint32Array(leases.capacity + 1);
    this.#notBefore = new Float64Array(leases.capacity + 1);
    this.#peer = new Uint32Array(count);
    this.#until = [new Float64Array(count), new Float64Array(count)];
    this.#shown = [new Float64Array(count), new Float64Array(count)];
    this.#busy = [new Uint8Array(count), new Uint8Array(count)];
    this.#hasWay = new Uint8Array(count);
    this.#used = new Float64Array(count);
    this.#prepares = [this.#prepareUp.bind(this), this.#prepareDown.bind(this)];
    this.#grants = [this.#grant.bind(this, Direction.Up), this.#grant.bind(this, Direction.Down)];
    this.#setClock();
    leases.onRecall = (p) => this.#recall(p);
  }

  get passedUp(): number {
    return this.#books.passedUp;
  }

  get passedDown(): number {
    return this.#books.passedDown;
  }

  passed(
    direction: Direction,
    b: Uint8Array,
    addressAt: number,
    isSegment: boolean,
    now: Millis,
  ): void {
    if (this.#suspended) return;
    const p = this.#leases.find(b, addressAt);
    if (p === NO_PEER) return;
    if (direction === Direction.Up && !this.#leases.isHeard(p, now)) return;
    if (isSegment) return this.#leaveToOffloads(p, now);
    const slot = this.#slotOf[p]!;
    if (slot !== NO_LEASE && this.#until[direction][slot - this.#from]! > now) {
      return this.#show(direction, slot, p, now);
    }
    if (!this.#mayGrant(p, now)) return;
    if (slot === NO_LEASE && !this.#pool.hasRoom(now)) return this.#refuse(p, now);
    this.#wants[direction].add(p, now);
  }

  /** Bulk is cheapest in large pieces, and one flow stays on one way. */
  #leaveToOffloads(p: PeerId, now: Millis): void {
    this.#notBefore[p] = now + PAUSE;
    if (this.#slotOf[p] !== NO_LEASE) this.#end(p, now);
  }

  /** A packet came the slow way through a direction that is open. */
  #show(direction: Direction, slot: number, p: PeerId, now: Millis): void {
    const i = slot - this.#from;
    this.#used[i] = now;
    if (now - this.#shown[direction][i]! < RENEW_STEP) return;
    this.#shown[direction][i] = now;
    this.#open(direction, slot, p);
  }

  wants(direction: Direction): boolean {
    return this.#wants[direction].any;
  }

  prepare(direction: Direction, now: Millis): void {
    this.#keepAlive(now);
    this.#wants[direction].each(this.#prepares[direction]!, now);
  }

  #prepareUp(p: PeerId, now: Millis): void {
    if (this.#mayGrant(p, now) && this.#slotOf[p] === NO_LEASE) this.#begin(p, now);
  }

  #prepareDown(p: PeerId, now: Millis): void {
    if (!this.#mayGrant(p, now)) return;
    const known = this.#slotOf[p]!;
    if (known !== NO_LEASE && this.#hasWay[known - this.#from] === 1) return;
    const way = this.#options.ways.to(this.#leases.mappedAddress(p), this.#localOf(p));
    if (way === undefined) return this.#pause(p, now);
    const slot = known || this.#begin(p, now);
    if (slot === NO_LEASE) return;
    this.#slots.setWay(slot, way);
    this.#hasWay[slot - this.#from] = 1;
  }

  settle(direction: Direction, isEmpty: boolean, now: Millis): void {
    this.#wants[direction].settle(isEmpty, now, this.#grants[direction]!);
  }

  #grant(direction: Direction, p: PeerId, shown: Millis, now: Millis): void {
    const slot = this.#slotOf[p]!;
    if (slot === NO_LEASE || !this.#mayGrant(p, now)) return;
    const i = slot - this.#from;
    if (direction === Direction.Down && this.#hasWay[i] === 0) return;
    this.#shown[direction][i] = shown;
    this.#used[i] = now;
    if (this.#endOf(direction, slot, p) > now) this.#open(direction, slot, p);
  }

  #mayGrant(p: PeerId, now: Millis): boolean {
    return now >= this.#notBefore[p]! && this.#leases.mayLease(p, now) && this.#localOf(p) !== 0;
  }

  #pause(p: PeerId, now: Millis): void {
    this.#notBefore[p] = now + PAUSE;
  }

  #localOf(p: PeerId): number {
    return this.#leases.localAddress(p) || this.#options.local;
  }

  /** Gives the peer a slot, which is open in neither direction. */
  #begin(p: PeerId, now: Millis): number {
    const leases = this.#leases;
    const slot = this.#pool.take(now);
    if (slot === NO_LEASE) return slot;
    this.#books.take(slot, NO_PEER);
    this.#slots.set(slot, leases.mappedAddress(p), leases.mappedPort(p), this.#localOf(p));
    leases.writeAddress(p, this.#address, 0);
    if (!this.#options.map.put(this.#address, slot)) {
      this.#pool.giveBack(slot, now);
      this.#refuse(p, now);
      return NO_LEASE;
    }
    this.#slotOf[p] = slot;
    this.#peer[slot - this.#from] = p;
    this.#hasWay[slot - this.#from] = 0;
    this.#used[slot - this.#from] = now;
    leases.setLeased(p, true);
    this.leases++;
    this.nextAt = Math.min(this.nextAt, now + this.#step);
    return slot;
  }

  #refuse(p: PeerId, now: Millis): void {
    this.refused++;
    this.#pause(p, now);
  }

  /**
   * Opens a direction for as long as its last packet that came the slow way allows. To the peer only
   * up to when a bubble has to go out beside a packet: the rules send it. RFC 4380 §5.2.4
   */
  #open(direction: Direction, slot: number, p: PeerId, isBusy = false): void {
    const i = slot - this.#from;
    const until = this.#endOf(direction, slot, p);
    const renew = isBusy ? this.#shown[direction][i]! + RENEW_AFTER : until;
    this.#until[direction][i] = until;
    this.#busy[direction][i] = Number(isBusy);
    if (direction === Direction.Up) this.#slots.openUp(slot, until, renew);
    else this.#slots.openDown(slot, until, renew);
  }

  #endOf(direction: Direction, slot: number, p: PeerId): Millis {
    const shown = this.#shown[direction][slot - this.#from]!;
    const until = shown + LEASE * (1 - STAGGER * (slot * SPREAD % 1));
    return direction === Direction.Up ? until : Math.min(until, this.#leases.refreshAt(p));
  }

  #close(slot: number): void {
    this.#slots.closeUp(slot);
    this.#slots.closeDown(slot);
    this.#until[Direction.Up][slot - this.#from] = 0;
    this.#until[Direction.Down][slot - this.#from] = 0;
  }

  /** The rules are about to change what the lease rests on. */
  #recall(p: PeerId): void {
    this.#endSlot(this.#slotOf[p]!, p, this.#options.clock().now);
  }

  #end(p: PeerId, now: Millis): void {
    this.#leases.setLeased(p, false);
    this.#endSlot(this.#slotOf[p]!, p, now);
  }

  #endSlot(slot: number, p: PeerId, now: Millis): void {
    this.#close(slot);
    this.#leases.writeAddress(p, this.#address, 0);
    this.#options.map.delete(this.#address);
    this.#books.take(slot, p);
    this.#slotOf[p] = NO_LEASE;
    this.#peer[slot - this.#from] = NO_PEER;
    this.#pool.giveBack(slot, now);
    this.leases--;
    this.#endedAt = now;
  }

  /** Between two looks. */
  get #step(): Millis {
    return ROUND / Math.max(1, Math.ceil((this.#pool.usedEnd - this.#from) / LOOK_SLOTS));
  }

  tick(now: Millis): void {
    if (now < this.nextAt) return;
    if (this.leases > 0) this.#keepAlive(now);
    const used = this.#pool.usedEnd - this.#from;
    const end = Math.min(this.#at + LOOK_SLOTS, used);
    let ends = 0;
    for (; this.#at < end && ends < LOOK_ENDS; this.#at++) ends += this.#look(this.#at, now);
    if (this.#at >= used) this.#at = 0;
    const isRest = this.leases === 0 && now - this.#endedAt > SLOT_REST + ROUND;
    this.nextAt = isRest ? Infinity : now + (ends < LOOK_ENDS ? this.#step : LOOK_AGAIN);
  }

  takeIn(now: Millis): void {
    if (this.leases === 0 || now - this.#takenAt < FRESH) return;
    this.#takenAt = now;
    const used = this.#pool.usedEnd - this.#from;
    for (let i = 0; i < used; i++) {
      if (this.#books.take(this.#from + i, this.#peer[i]!)) this.#used[i] = now;
    }
  }

  /** @returns leases ended: 0 or 1 */
  #look(i: number, now: Millis): number {
    const slot = this.#from + i;
    const p = this.#peer[i]!;
    const books = this.#books;
    const hasPassed = books.take(slot, p);
    if (p === NO_PEER) return 0;
    if (hasPassed) {
      this.#used[i] = now;
      this.#adjust(Direction.Up, slot, p, books.lastUp, now);
      this.#adjust(Direction.Down, slot, p, books.lastDown, now);
    } else if (now - this.#used[i]! >= IDLE) {
      this.#end(p, now);
      return 1;
    }
    return 0;
  }

  /** Of a direction that is open: heard of since, a peer may be sent to for longer. */
  #adjust(direction: Direction, slot: number, p: PeerId, packets: number, now: Millis): void {
    const i = slot - this.#from;
    const until = this.#until[direction][i]!;
    if (until <= now) return;
    const isBusy = packets >= MANY;
    const isSame = isBusy === (this.#busy[direction][i] === 1);
    if (!isSame || until < this.#endOf(direction, slot, p)) this.#open(direction, slot, p, isBusy);
  }

  /** For all workers: whoever hangs has leases that run out. */
  #keepAlive(now: Millis): void {
    if (this.#aliveUntil - now > ALIVE - ROUND / 2) return;
    this.#setClock();
    this.#aliveUntil = now + ALIVE;
    this.#slots.setAlive(this.#aliveUntil);
  }

  #setClock(): void {
    const { kernel, now } = this.#options.clock();
    this.#slots.setClock(kernel, now);
  }

  /** Closes them all by a store each; the peers keep their slots as long as they are used again. */
  end(now: Millis): void {
    this.#wants.forEach((it) => it.clear());
    this.#options.ways.forget();
    this.#hasWay.fill(0);
    const used = this.#pool.usedEnd - this.#from;
    for (let i = 0; i < used; i++) {
      if (this.#peer[i] !== NO_PEER) this.#close(this.#from + i);
      this.#books.take(this.#from + i, this.#peer[i]!);
    }
    if (this.leases > 0) this.nextAt = Math.min(this.nextAt, now + this.#step);
  }

  suspend(now: Millis): void {
    this.#suspended = true;
    this.end(now);
  }

  resume(): void {
    this.#suspended = false;
  }

  close(): void {
    this.#options.close();
  }
}
