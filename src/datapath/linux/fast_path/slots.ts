import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import type { Millis } from "#src/protocol/time.ts";
import {
  CONTROL_ALIVE_UNTIL_AT,
  SLOT,
  SLOT_DOWN_RENEW_AT,
  SLOT_DOWN_UNTIL_AT,
  SLOT_INTERFACE_AT,
  SLOT_LOCAL_ADDRESS_AT,
  SLOT_MAPPED_ADDRESS_AT,
  SLOT_MAPPED_PORT_AT,
  SLOT_MTU_AT,
  SLOT_NEXT_HOP_AT,
  SLOT_RECEIVED_AT,
  SLOT_SENT_AT,
  SLOT_UP_RENEW_AT,
  SLOT_UP_UNTIL_AT,
} from "./leases.ts";

/** Where the shared arrays lie, mapped: offsets in the buffer, multiples of 8. */
export interface LeaseMemory {
  readonly buffer: ArrayBufferLike;
  readonly slotsAt: number;
  readonly controlAt: number;
}

/** By which interface datagrams leave, and the longest that it takes, in bytes. */
export interface LeaseWay {
  readonly index: number;
  readonly mtu: number;
  /** IPv4 address whose neighbour gets the frame; 0: the kernel is to look, for each packet. */
  readonly nextHop: number;
}

const NANOSECONDS = 1e6;
/** Upwards alone. */
const NO_WAY: LeaseWay = { index: 0, mtu: 0, nextHop: 0 };

/**
 * The slots and the control entry as user space sees them; see `leases.ts`.
 *
 * Other processors work on them at the same time. A time is stored in two halves, in the order in which
 * whoever reads between them finds none that lies further ahead than both the old one and the new one;
 * a number is read so that no half of it is of another moment. No BigInt is made: these are stored and
 * read hundreds of thousands of times a second.
 */
export class LeaseSlots {
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #slotsAt: number;
  readonly #controlAt: number;
  /** From our clock to the kernel's. */
  #ahead: Millis = 0;

  constructor({ buffer, slotsAt, controlAt }: LeaseMemory) {
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#slotsAt = slotsAt;
    this.#controlAt = controlAt;
  }

  /** @param kernel what the kernel's CLOCK_MONOTONIC says at our `now`, in milliseconds */
  setClock(kernel: Millis, now: Millis): void {
    this.#ahead = kernel - now;
  }

  /** Writes down whose slot it is, which is open in neither direction. */
  set(slot: number, mapped: number, port: number, local: number): void {
    const at = this.#at(slot);
    writeU32(this.#u8, at + SLOT_MAPPED_ADDRESS_AT, mapped);
    writeU16(this.#u8, at + SLOT_MAPPED_PORT_AT, port);
    writeU32(this.#u8, at + SLOT_LOCAL_ADDRESS_AT, local);
    this.setWay(slot, NO_WAY);
    this.#store(at + SLOT_RECEIVED_AT, 0);
    this.#store(at + SLOT_SENT_AT, 0);
  }

  /** By which interface datagrams to the peer leave, the longest that it takes, and whom they go to. */
  setWay(slot: number, { index, mtu, nextHop }: LeaseWay): void {
    const at = this.#at(slot);
    writeU32(this.#u8, at + SLOT_NEXT_HOP_AT, nextHop);
    Atomics.store(this.#u32, (at + SLOT_MTU_AT) >> 2, mtu);
    Atomics.store(this.#u32, (at + SLOT_INTERFACE_AT) >> 2, index);
  }

  /** @param renew from when on a packet is to come the slow way */
  openUp(slot: number, until: Millis, renew: Millis): void {
    const at = this.#at(slot);
    this.#store(at + SLOT_UP_RENEW_AT, this.#timeOf(renew));
    this.#store(at + SLOT_UP_UNTIL_AT, this.#timeOf(until));
  }

  openDown(slot: number, until: Millis, renew: Millis): void {
    const at = this.#at(slot);
    this.#store(at + SLOT_DOWN_RENEW_AT, this.#timeOf(renew));
    this.#store(at + SLOT_DOWN_UNTIL_AT, this.#timeOf(until));
  }

  closeUp(slot: number): void {
    this.#store(this.#at(slot) + SLOT_UP_UNTIL_AT, 0);
  }

  closeDown(slot: number): void {
    this.#store(this.#at(slot) + SLOT_DOWN_UNTIL_AT, 0);
  }

  setAlive(until: Millis): void {
    this.#store(this.#controlAt + CONTROL_ALIVE_UNTIL_AT, this.#timeOf(until));
  }

  /** A time of the slot, by our clock; far back when it is none. */
  time(slot: number, offset: number): Millis {
    return this.number(slot, offset) / NANOSECONDS - this.#ahead;
  }

  /** 64 bits of the slot. */
  number(slot: number, offset: number): number {
    const word = (this.#at(slot) + offset) >> 2;
    const u32 = this.#u32;
    for (;;) {
      const high = Atomics.load(u32, word + 1);
      const low = Atomics.load(u32, word);
      if (Atomics.load(u32, word + 1) === high) return high * 0x100000000 + low;
    }
  }

  /** The lower half of a number: another one tells that the number is another. */
  low(slot: number, offset: number): number {
    return Atomics.load(this.#u32, (this.#at(slot) + offset) >> 2);
  }

  #at(slot: number): number {
    return this.#slotsAt + slot * SLOT;
  }

  #timeOf(at: Millis): number {
    return Math.max(0, Math.round((at + this.#ahead) * NANOSECONDS));
  }

  /** @param value a whole number below 2^53 */
  #store(at: number, value: number): void {
    const word = at >> 2;
    const u32 = this.#u32;
    const high = Math.floor(value / 0x100000000);
    const isLater = high >= Atomics.load(u32, word + 1);
    if (isLater) Atomics.store(u32, word, value >>> 0);
    Atomics.store(u32, word + 1, high);
    if (!isLater) Atomics.store(u32, word, value >>> 0);
  }
}
