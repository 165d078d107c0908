import { type Counters, COUNTERS_LENGTH, makeCounters } from "#src/protocol/counters.ts";
import { MAX_BROADCASTS } from "#src/protocol/guard/broadcasts.ts";

/**
 * Memory that one datapath thread and the main thread share, in this order:
 *
 *     counters   Float64 x COUNTERS_LENGTH    written by the thread
 *     levels     Float64 x 16                 written by the thread
 *     control    Int32 x 8                    written by the main thread
 *     broadcasts Uint32 x MAX_BROADCASTS      written by the main thread
 */
const LEVELS_AT = 8 * COUNTERS_LENGTH;
const LEVELS = 16;
const CONTROL_AT = LEVELS_AT + 8 * LEVELS;
const CONTROLS = 8;
const BROADCASTS_AT = CONTROL_AT + 4 * CONTROLS;
const SHARED_LENGTH = BROADCASTS_AT + 4 * MAX_BROADCASTS;

/** Cells of `levels`. */
export const Level = {
  Beat: 0,
  Peers: 1,
  PeersTrusted: 2,
  HeldPackets: 3,
  HeldBytes: 4,
  /** 1 while the kernel refuses an offload that was found at start: see `Acceptance`. */
  TunRefused: 5,
  TunUdpRefused: 6,
  UdpSegmentRefused: 7,
  PeersResolving: 8,
  PeersFailed: 9,
  /** Of the fast path: peers lent at this moment. */
  Leases: 10,
  /** Peers that there was no room to lend, since the start. */
  LeasesRefused: 11,
  /** Packets from peers, and to peers, that passed in the kernel since the start. */
  PassedUp: 12,
  PassedDown: 13,
} as const;

const Control = {
  Command: 0,
  QueueVersion: 1,
  BroadcastsVersion: 2,
  BroadcastsCount: 3,
  WaysVersion: 4,
  Lending: 5,
} as const;
const RUN = 0;
const STOP = 1;

export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly counters: Counters;
  readonly levels: Float64Array;
  readonly #control: Int32Array;
  readonly #broadcasts: Uint32Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(SHARED_LENGTH)) {
    this.buffer = buffer;
    this.counters = makeCounters(buffer);
    this.levels = new Float64Array(buffer, LEVELS_AT, LEVELS);
    this.#control = new Int32Array(buffer, CONTROL_AT, CONTROLS);
    this.#broadcasts = new Uint32Array(buffer, BROADCASTS_AT, MAX_BROADCASTS);
  }

  /** Asks the thread to finish; it must be woken as well. */
  requestStop(): void {
    Atomics.store(this.#control, Control.Command, STOP);
  }

  get stopping(): boolean {
    return Atomics.load(this.#control, Control.Command) !== RUN;
  }

  /** Changes whenever the broadcast addresses do. */
  get broadcastsVersion(): number {
    return Atomics.load(this.#control, Control.BroadcastsVersion);
  }

  /** @throws RangeError for more than {@link MAX_BROADCASTS} addresses */
  setBroadcasts(addresses: readonly number[]): void {
    this.#broadcasts.set(addresses);
    Atomics.store(this.#control, Control.BroadcastsCount, addresses.length);
    Atomics.add(this.#control, Control.BroadcastsVersion, 1);
  }

  broadcasts(): readonly number[] {
    return [...this.#broadcasts.subarray(0, Atomics.load(this.#control, Control.BroadcastsCount))];
  }

  /** Changes whenever the TUN descriptor may have become that of another queue, or of none. */
  get queueVersion(): number {
    return Atomics.load(this.#control, Control.QueueVersion);
  }

  /** Changes whenever this host's links, IPv4 addresses, routes or rules may be others. */
  get waysVersion(): number {
    return Atomics.load(this.#control, Control.WaysVersion);
  }

  /** Tells the thread that no lease of the fast path holds any more: it rests on what has changed. */
  announceWays(): void {
    Atomics.add(this.#control, Control.WaysVersion, 1);
  }

  /** Whether there are programs in the kernel for which peers may be lent. */
  get lending(): boolean {
    return Atomics.load(this.#control, Control.Lending) !== 0;
  }

  set lending(wanted: boolean) {
    Atomics.store(this.#control, Control.Lending, Number(wanted));
  }

  /** Tells the thread to read TUN: its descriptor may be that of another queue, or of none. */
  announceQueue(): void {
    Atomics.add(this.#control, Control.QueueVersion, 1);
  }
}
