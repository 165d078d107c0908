import type { TunnelSink } from "#src/protocol/tunnel.ts";
import assert from "node:assert/strict";
import { Direction } from "#src/datapath/lending.ts";
import { Lender, type LenderOptions } from "#src/datapath/linux/fast_path/lender.ts";
import type { LeaseWay } from "#src/datapath/linux/fast_path/slots.ts";
import {
  CONTROL,
  CONTROL_ALIVE_UNTIL_AT,
  RENEW_AGAIN,
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
  SLOT_RECEIVED_BYTES_AT,
  SLOT_RECEIVED_PACKETS_AT,
  SLOT_SENT_AT,
  SLOT_SENT_BYTES_AT,
  SLOT_SENT_PACKETS_AT,
  SLOT_UP_RENEW_AT,
  SLOT_UP_UNTIL_AT,
} from "#src/datapath/linux/fast_path/leases.ts";
import { DESTINATION_AT, SOURCE_AT } from "#src/protocol/wire/ipv6.ts";
import { bubble, teredo } from "#test/protocol/packets.ts";
import { data, HOST, RelayLab, tokenOf } from "#test/protocol/relay/lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, toHex } from "#test/protocol/vectors.ts";

/** How far the kernel's clock is ahead of ours. */
const AHEAD = 7_654_321.5;
const SECOND = 1_000_000_000n;

/** The maps, and a program that reads and writes them as the layout says. */
export class PaperPrograms {
  readonly buffer: ArrayBuffer;
  readonly slotsAt = CONTROL;
  readonly leases = new Map<string, number>();
  readonly #view: DataView;
  /** Most entries of the map. */
  room = Infinity;

  constructor(slots: number) {
    this.buffer = new ArrayBuffer(CONTROL + SLOT * slots);
    this.#view = new DataView(this.buffer);
  }

  put(address: Uint8Array, slot: number): boolean {
    const key = toHex(address);
    assert.ok(!this.leases.has(key), "a peer has one slot");
    assert.ok(![...this.leases.values()].includes(slot), "a slot is one peer's");
    if (this.leases.size >= this.room) return false;
    this.leases.set(key, slot);
    return true;
  }

  delete(address: Uint8Array): void {
    assert.ok(this.leases.delete(toHex(address)), "it was there");
  }

  u64(slot: number, offset: number): bigint {
    return this.#view.getBigUint64(this.slotsAt + SLOT * slot + offset, true);
  }

  set(slot: number, offset: number, value: bigint): void {
    this.#view.setBigUint64(this.slotsAt + SLOT * slot + offset, value, true);
  }

  /** Who the slot says that the peer is. */
  slot(slot: number) {
    const at = this.slotsAt + SLOT * slot;
    const view = this.#view;
    return {
      mapped: view.getUint32(at + SLOT_MAPPED_ADDRESS_AT),
      port: view.getUint16(at + SLOT_MAPPED_PORT_AT),
      local: view.getUint32(at + SLOT_LOCAL_ADDRESS_AT),
      index: view.getUint32(at + SLOT_INTERFACE_AT, true),
      mtu: view.getUint32(at + SLOT_MTU_AT, true),
      nextHop: view.getUint32(at + SLOT_NEXT_HOP_AT),
    };
  }

  /** The slot by which a packet of the address may pass at `now` of ours; undefined: it may not. */
  openFor(direction: Direction, address: Uint8Array, now: number): number | undefined {
    const slot = this.leases.get(toHex(address));
    const time = timeOf(now);
    if (slot === undefined || this.#view.getBigUint64(CONTROL_ALIVE_UNTIL_AT, true) <= time) {
      return undefined;
    }
    const up = direction === Direction.Up;
    if (this.u64(slot, up ? SLOT_UP_UNTIL_AT : SLOT_DOWN_UNTIL_AT) <= time) return undefined;
    return !up && this.slot(slot).index === 0 ? undefined : slot;
  }

  /** Whether the packet passed; one in a while is left alone. */
  pass(direction: Direction, address: Uint8Array, bytes: number, now: number): boolean {
    const slot = this.openFor(direction, address, now);
    if (slot === undefined) return false;
    const time = timeOf(now);
    const up = direction === Direction.Up;
    const renewAt = up ? SLOT_UP_RENEW_AT : SLOT_DOWN_RENEW_AT;
    if (this.u64(slot, renewAt) <= time) {
      this.set(slot, renewAt, time + BigInt(RENEW_AGAIN));
      return false;
    }
    this.count(direction, slot, 1, bytes, now);
    return true;
  }

  count(direction: Direction, slot: number, packets: number, bytes: number, now: number): void {
    const up = direction === Direction.Up;
    const [at, packetsAt, bytesAt] = up
      ? [SLOT_RECEIVED_AT, SLOT_RECEIVED_PACKETS_AT, SLOT_RECEIVED_BYTES_AT]
      : [SLOT_SENT_AT, SLOT_SENT_PACKETS_AT, SLOT_SENT_BYTES_AT];
    this.set(slot, packetsAt, this.u64(slot, packetsAt) + BigInt(packets));
    this.set(slot, bytesAt, this.u64(slot, bytesAt) + BigInt(bytes));
    if (timeOf(now) - this.u64(slot, at) >= SECOND) this.set(slot, at, timeOf(now));
  }
}

function timeOf(now: number): bigint {
  return BigInt(Math.round((now + AHEAD) * 1e6));
}

export interface Client {
  readonly address: Uint8Array;
  readonly mapped: number;
  readonly port: number;
}

/** The client of number `i`, each at a mapping of its own. */
export function clientOf(i: number): Client {
  const [mapped, port] = [CLIENT + (i >> 8), CLIENT_PORT + (i & 0xff)];
  return { address: teredo(mapped, port), mapped, port };
}

export const WAY: LeaseWay = { index: 3, mtu: 1_500, nextHop: 0xc633_6401 };

/** A relay with its lender, and the programs before it. */
export class LendLab {
  readonly lab: RelayLab;
  readonly programs: PaperPrograms;
  readonly lender: Lender;
  way: LeaseWay | undefined = WAY;
  /** Whether the queues are found empty when they are looked at. */
  isEmpty = true;
  isSegment = false;
  forgotten = 0;
  /** Packets that passed past the rules. */
  fast = 0;

  constructor(
    { relay = {}, programs, ...options }: {
      relay?: object;
      programs?: PaperPrograms;
      slots?: LenderOptions["slots"];
      local?: number;
    } = {},
  ) {
    const slots = options.slots ?? [1, 9];
    this.lab = new RelayLab(relay);
    this.programs = programs ?? new PaperPrograms(slots[1]);
    this.lender = new Lender(this.lab.relay.leases, this.lab.counters, {
      memory: { buffer: this.programs.buffer, slotsAt: this.programs.slotsAt, controlAt: 0 },
      map: this.programs,
      ways: { to: () => this.way, forget: () => void this.forgotten++ },
      slots,
      local: options.local ?? 0,
      clock: () => ({ kernel: this.lab.now + AHEAD, now: this.lab.now }),
      close: () => {},
    });
    this.lender.resume();
    this.#tell(this.lab.sink as { -readonly [K in keyof TunnelSink]: TunnelSink[K] });
  }

  /** As the loop does. */
  #tell(sink: { -readonly [K in keyof TunnelSink]: TunnelSink[K] }): void {
    const { sendDatagram, sendIpv6 } = sink;
    sink.sendDatagram = (datagram) => {
      sendDatagram(datagram);
      this.#passed(Direction.Down, datagram.bytes, datagram.at + DESTINATION_AT);
    };
    sink.sendIpv6 = (b, at, length) => {
      sendIpv6(b, at, length);
      this.#passed(Direction.Up, b, at + SOURCE_AT);
    };
  }

  #passed(direction: Direction, b: Uint8Array, at: number): void {
    this.lender.passed(direction, b, at, this.isSegment, this.lab.now);
  }

  /** Has the client prove itself. */
  meet(client: Client, local = RELAY): void {
    this.lab.fromIpv6(data(HOST, client.address));
    this.lab.fromClient(bubble(client.address, tokenOf(this.lab.sent)), { ...ends(client), local });
    this.settle();
  }

  /** A packet from the client; the programs see it first. */
  up(client: Client, length = 48): void {
    const b = data(client.address, HOST, 0xaa, length);
    if (this.programs.pass(Direction.Up, client.address, b.length, this.lab.now)) this.fast++;
    else {
      this.lab.fromClient(b, ends(client));
      this.settle();
    }
  }

  down(client: Client, length = 48): void {
    const b = data(HOST, client.address, 0xaa, length);
    if (this.programs.pass(Direction.Down, client.address, b.length, this.lab.now)) this.fast++;
    else {
      this.lab.fromIpv6(b);
      this.settle();
    }
  }

  settle(): void {
    for (const direction of [Direction.Up, Direction.Down]) {
      if (!this.lender.wants(direction)) continue;
      this.lender.prepare(direction, this.lab.now);
      this.lender.settle(direction, this.isEmpty, this.lab.now);
    }
  }

  /** Lets time pass for relay and lender. */
  wait(milliseconds: number): void {
    const end = this.lab.now + milliseconds;
    for (;;) {
      const next = Math.min(this.lab.relay.nextTimer(), this.lender.nextAt);
      if (next > end) break;
      this.lab.advance(Math.max(0, next - this.lab.now));
      this.lender.tick(this.lab.now);
    }
    this.lab.advance(end - this.lab.now);
  }

  /** Which directions are open for the client. */
  open(client: Client): string {
    const is = (direction: Direction) =>
      this.programs.openFor(direction, client.address, this.lab.now) !== undefined;
    return [is(Direction.Up) ? "up" : "", is(Direction.Down) ? "down" : ""].join("").trim();
  }
}

function ends({ mapped, port }: Client) {
  return { address: mapped, port };
}
