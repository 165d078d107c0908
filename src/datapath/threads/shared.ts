import { type Counters, COUNTERS_LENGTH, makeCounters } from "#src/protocol/counters.ts";
import { MAX_BROADCASTS } from "#src/protocol/guard/broadcasts.ts";
import { IPV6_LENGTH, type Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";

/**
 * Memory that one datapath thread and the main thread share, in this order:
 *
 *     counters   Float64 x COUNTERS_LENGTH    written by the thread
 *     levels     Float64 x 16                 written by the thread
 *     control    Int32 x 6                    written by the main thread
 *     broadcasts Uint32 x MAX_BROADCASTS      written by the main thread
 *     served     17 bytes x MAX_SERVED        written by the main thread: address (16), length (1)
 */
const LEVELS_AT = 8 * COUNTERS_LENGTH;
const LEVELS = 16;
const CONTROL_AT = LEVELS_AT + 8 * LEVELS;
const CONTROLS = 6;
const BROADCASTS_AT = CONTROL_AT + 4 * CONTROLS;
const SERVED_AT = BROADCASTS_AT + 4 * MAX_BROADCASTS;
const SERVED_ENTRY = IPV6_LENGTH + 1;
/** Served prefixes that can be set; see docs/limits.md. */
export const MAX_SERVED = 256;
const SHARED_LENGTH = SERVED_AT + SERVED_ENTRY * MAX_SERVED;

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
} as const;

const Control = {
  Command: 0,
  ServedVersion: 1,
  ServedCount: 2,
  QueueVersion: 3,
  BroadcastsVersion: 4,
  BroadcastsCount: 5,
} as const;
const RUN = 0;
const STOP = 1;
/** `served` holds no list: any address is served. */
const ANY = -1;

export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly counters: Counters;
  readonly levels: Float64Array;
  readonly #control: Int32Array;
  readonly #broadcasts: Uint32Array;
  readonly #served: Uint8Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(SHARED_LENGTH)) {
    this.buffer = buffer;
    this.counters = makeCounters(buffer);
    this.levels = new Float64Array(buffer, LEVELS_AT, LEVELS);
    this.#control = new Int32Array(buffer, CONTROL_AT, CONTROLS);
    this.#broadcasts = new Uint32Array(buffer, BROADCASTS_AT, MAX_BROADCASTS);
    this.#served = new Uint8Array(buffer, SERVED_AT);
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

  /** Changes whenever the served prefixes do. */
  get servedVersion(): number {
    return Atomics.load(this.#control, Control.ServedVersion);
  }

  /** Changes whenever the TUN descriptor may have become that of another queue, or of none. */
  get queueVersion(): number {
    return Atomics.load(this.#control, Control.QueueVersion);
  }

  /** Tells the thread to read TUN: its descriptor may be that of another queue, or of none. */
  announceQueue(): void {
    Atomics.add(this.#control, Control.QueueVersion, 1);
  }

  /** @throws RangeError for more than {@link MAX_SERVED} prefixes */
  setServed(prefixes: readonly Ipv6Prefix[] | undefined): void {
    if (prefixes !== undefined && prefixes.length > MAX_SERVED) {
      throw new RangeError(`At most ${MAX_SERVED} served prefixes, not ${prefixes.length}`);
    }
    prefixes?.forEach((prefix, i) => {
      this.#served.set(prefix.bytes, SERVED_ENTRY * i);
      this.#served[SERVED_ENTRY * i + IPV6_LENGTH] = prefix.length;
    });
    Atomics.store(this.#control, Control.ServedCount, prefixes?.length ?? ANY);
    Atomics.add(this.#control, Control.ServedVersion, 1);
  }

  served(): readonly Ipv6Prefix[] | undefined {
    const count = Atomics.load(this.#control, Control.ServedCount);
    if (count === ANY) return undefined;
    return Array.from({ length: count }, (_, i) => ({
      bytes: this.#served.slice(SERVED_ENTRY * i, SERVED_ENTRY * i + IPV6_LENGTH),
      length: this.#served[SERVED_ENTRY * i + IPV6_LENGTH]!,
    }));
  }
}
