import { Counter, type Counters } from "#src/protocol/counters.ts";
import { NO_PEER, type PeerId } from "#src/protocol/peers/index.ts";
import type { Passed, PeerLeases } from "#src/protocol/peers/leases.ts";
import {
  SLOT_RECEIVED_AT,
  SLOT_RECEIVED_BYTES_AT,
  SLOT_RECEIVED_PACKETS_AT,
  SLOT_SENT_AT,
  SLOT_SENT_BYTES_AT,
  SLOT_SENT_PACKETS_AT,
} from "./leases.ts";
import type { LeaseSlots } from "./slots.ts";

/** Cells of a slot: what has been taken in of its counters, which never go back. */
const RECEIVED_PACKETS = 0;
const RECEIVED_BYTES = 1;
const SENT_PACKETS = 2;
const SENT_BYTES = 3;
const CELLS = 4;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Takes in what the programs count: for the peer's traffic and times, and for the datapath's counters,
 * as if uplink and downlink had passed it. A packet counts once, whichever way it took.
 */
export class LeaseBooks {
  readonly #slots: LeaseSlots;
  readonly #leases: PeerLeases;
  readonly #counters: Counters;
  readonly #from: number;
  readonly #taken: Float64Array;
  readonly #passed: Writable<Passed> = {
    receivedPackets: 0,
    receivedBytes: 0,
    lastReceived: 0,
    sentPackets: 0,
    sentBytes: 0,
    lastSent: 0,
  };
  /** Packets that the last {@link take} found, when it found any. */
  get lastUp(): number {
    return this.#passed.receivedPackets;
  }

  get lastDown(): number {
    return this.#passed.sentPackets;
  }

  /** Packets in all. */
  passedUp = 0;
  passedDown = 0;

  /** For the slots from `from` up to, without, `end`. */
  constructor(
    slots: LeaseSlots,
    leases: PeerLeases,
    counters: Counters,
    from: number,
    end: number,
  ) {
    this.#slots = slots;
    this.#leases = leases;
    this.#counters = counters;
    this.#from = from;
    this.#taken = new Float64Array(CELLS * (end - from));
  }

  /**
   * @param p whose slot it is; {@link NO_PEER}: nobody's any more, whose last packets count all the same
   * @returns whether anything passed since the last time
   */
  take(slot: number, p: PeerId): boolean {
    const passed = this.#passed;
    passed.receivedPackets = this.#more(slot, SLOT_RECEIVED_PACKETS_AT, RECEIVED_PACKETS);
    passed.sentPackets = this.#more(slot, SLOT_SENT_PACKETS_AT, SENT_PACKETS);
    if (passed.receivedPackets === 0 && passed.sentPackets === 0) return false;
    passed.receivedBytes = this.#more(slot, SLOT_RECEIVED_BYTES_AT, RECEIVED_BYTES);
    passed.sentBytes = this.#more(slot, SLOT_SENT_BYTES_AT, SENT_BYTES);
    this.#count();
    if (p === NO_PEER) return true;
    passed.lastReceived = this.#slots.time(slot, SLOT_RECEIVED_AT);
    passed.lastSent = this.#slots.time(slot, SLOT_SENT_AT);
    this.#leases.passed(p, passed);
    return true;
  }

  /** The same datagram comes in and leaves as a packet, or the other way round. */
  #count(): void {
    const { receivedPackets, receivedBytes, sentPackets, sentBytes } = this.#passed;
    const counters = this.#counters;
    counters[Counter.udp_received_datagrams]! += receivedPackets;
    counters[Counter.udp_received_bytes]! += receivedBytes;
    counters[Counter.ipv6_sent_packets]! += receivedPackets;
    counters[Counter.ipv6_sent_bytes]! += receivedBytes;
    counters[Counter.ipv6_received_packets]! += sentPackets;
    counters[Counter.ipv6_received_bytes]! += sentBytes;
    counters[Counter.udp_sent_datagrams]! += sentPackets;
    counters[Counter.udp_sent_bytes]! += sentBytes;
    this.passedUp += receivedPackets;
    this.passedDown += sentPackets;
  }

  /** Mostly nothing passed, which one half of the number tells. */
  #more(slot: number, offset: number, cell: number): number {
    const at = CELLS * (slot - this.#from) + cell;
    const before = this.#taken[at]!;
    if (this.#slots.low(slot, offset) === before % 0x100000000) return 0;
    const now = this.#slots.number(slot, offset);
    this.#taken[at] = now;
    return now - before;
  }
}
