import assert from "node:assert/strict";
import { Arena } from "#ffi/arena.ts";
import { Bpf } from "#ffi/linux/bpf_calls.ts";
import type { Libc } from "#ffi/libc.ts";
import { monotonicTime } from "#ffi/linux/clock.ts";
import {
  BPF_PROG_TYPE_SCHED_CLS,
  SIZEOF_SK_BUFF,
  SK_BUFF_GSO_SIZE_AT,
  TC_ACT_REDIRECT,
  TCX_NEXT,
} from "#ffi/linux/mod.ts";
import { disassemble } from "#src/datapath/linux/bpf/disassemble.ts";
import { loadProgram } from "#src/datapath/linux/bpf/load.ts";
import type { Program } from "#src/datapath/linux/bpf/steps.ts";
import * as at from "#src/datapath/linux/fast_path/leases.ts";
import { Counts, createMaps, type FastPathMaps } from "#src/datapath/linux/fast_path/maps.ts";
import { REASON_NAMES, type ReasonName } from "#src/datapath/linux/fast_path/reasons.ts";
import { relayDown } from "#src/datapath/linux/fast_path/relay_down.ts";
import { relayUp } from "#src/datapath/linux/fast_path/relay_up.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import { Runner } from "#test/datapath/linux/bpf/runner.ts";
import { arrival, bubble, teredo } from "#test/protocol/packets.ts";
import { data, HOST, RelayLab, tokenOf } from "#test/protocol/relay/lab.ts";
import { RELAY, RELAY_PORT } from "#test/protocol/vectors.ts";
import { assertBytes, ETHERNET } from "./frames.ts";

export const TUN_MTU = 1280;
export const TTL = 61;
/** Of the interface to most peers, and of one to a peer that is hard to reach. */
export const LINK_MTU = 1500;
export const SMALL_MTU = 600;
const LATER = 3_600_000_000_000n;

/** A lease as the kernel has it. Times: whether they lie ahead. */
export interface Lease {
  readonly slot: number;
  readonly address: number;
  readonly port: number;
  readonly local: number;
  readonly interfaceIndex: number;
  readonly mtu: number;
  readonly up: boolean;
  readonly down: boolean;
  readonly renewUp: boolean;
  readonly renewDown: boolean;
}

/** A client that the relay trusts, and what the kernel was told of it. */
export interface Peer {
  readonly name: string;
  readonly teredo: Uint8Array;
  /** Where it really is. */
  readonly address: number;
  readonly port: number;
  /** Undefined: nothing. */
  readonly lease: Lease | undefined;
  /** Why each direction leaves its packets alone; undefined: they pass. */
  readonly up: ReasonName | undefined;
  readonly down: ReasonName | undefined;
}

/** One for each state that a lease can be in. */
const STATES: readonly (Partial<Lease> & {
  readonly name: string;
  readonly leftUp?: ReasonName;
  readonly leftDown?: ReasonName;
  readonly moved?: boolean;
  readonly none?: boolean;
})[] = [
  { name: "fresh" },
  { name: "fresh too" },
  { name: "mapped elsewhere than its address says", moved: true },
  { name: "without a lease", none: true, leftUp: "no_lease", leftDown: "no_lease" },
  { name: "with nobody's slot", slot: at.NO_LEASE, leftUp: "no_lease", leftDown: "no_lease" },
  {
    name: "with a slot that is not there",
    slot: 1_000_000,
    leftUp: "no_lease",
    leftDown: "no_lease",
  },
  { name: "expired upwards", up: false, leftUp: "expired" },
  { name: "expired downwards", down: false, leftDown: "expired" },
  { name: "to be renewed upwards", renewUp: true, leftUp: "renewal" },
  { name: "to be renewed downwards", renewDown: true, leftDown: "renewal" },
  { name: "leased at another address", address: 0xc0000299, leftUp: "mapping" },
  { name: "leased at another port", port: 9, leftUp: "mapping" },
  { name: "used to another address of ours", local: 0xcb00710a, leftUp: "local_address" },
  { name: "without an interface", interfaceIndex: 0, leftDown: "no_interface" },
];

/**
 * The programs in the kernel, and the relay's rules as a judge of what they do: both know the same peers.
 *
 * The programs run on bytes that the test makes, by BPF_PROG_TEST_RUN. Where a lease differs from what the
 * rules know, it is one that the datapath would have taken back.
 */
export class World {
  readonly peers: readonly Peer[];
  readonly rules: RelayLab;
  /** What the rules sent, when they were last asked. */
  sent: Uint8Array | undefined;
  sentTo: Pick<UdpDatagram, "address" | "port" | "local"> | undefined;
  /** The frame that the last run left, in the arena. */
  out: Uint8Array = new Uint8Array(0);
  readonly #arena: Arena;
  readonly #u64: BigUint64Array;
  readonly #bpf: Bpf;
  readonly #runner: Runner;
  readonly #maps: FastPathMaps;
  readonly #counts: Counts;
  readonly #slots: number;
  readonly #control: number;
  readonly #libc: Libc;
  readonly #programs: { readonly up: Program; readonly down: Program };
  readonly #loaded: { readonly up: number; readonly down: number };
  readonly #frame: number;
  readonly #outAt: number;
  readonly #context: number;

  constructor(libc: Libc, served: readonly Ipv6Prefix[] | undefined) {
    this.#libc = libc;
    this.#arena = new Arena(libc, 16 << 20);
    this.#u64 = new BigUint64Array(this.#arena.memory.buffer);
    this.#bpf = new Bpf(libc, this.#arena);
    this.#runner = new Runner(libc, this.#arena);
    this.#maps = createMaps(this.#bpf, libc, STATES.length + 1, REASON_NAMES.length);
    this.#counts = new Counts(
      libc,
      this.#arena,
      this.#bpf,
      this.#maps.reasons,
      REASON_NAMES.length,
    );
    this.#slots = this.#bpf.mapOver(this.#maps.slots, (STATES.length + 2) * at.SLOT);
    this.#control = this.#bpf.mapOver(this.#maps.control, at.CONTROL);
    this.#frame = this.#arena.take(CAPACITY);
    this.#outAt = this.#arena.take(CAPACITY);
    this.#context = this.#arena.take(SIZEOF_SK_BUFF);
    const options = { ...this.#maps, servicePort: RELAY_PORT, prefix: SERVICE_PREFIX, served };
    this.#programs = {
      up: relayUp(options),
      down: relayDown({ ...options, ttl: TTL, linkHeader: ETHERNET }),
    };
    const load = (name: string, program: Program) =>
      loadProgram(libc, this.#arena, BPF_PROG_TYPE_SCHED_CLS, name, program);
    this.#loaded = {
      up: load("teredo_up", this.#programs.up),
      down: load("teredo_down", this.#programs.down),
    };
    this.rules = new RelayLab({ served, maxPeers: 256, mtu: TUN_MTU });
    this.peers = STATES.map((_, i) => this.#makePeer(i));
    this.#arena.u32[(this.#control + at.CONTROL_TUN_AT) >> 2] = 1;
    this.#arena.u32[(this.#control + at.CONTROL_TUN_MTU_AT) >> 2] = TUN_MTU;
    this.isAlive = true;
  }

  set isAlive(alive: boolean) {
    this.#u64[(this.#control + at.CONTROL_ALIVE_UNTIL_AT) >> 3] = alive ? 2n ** 62n : 1n;
  }

  /** A trusted, proven peer of the rules, and its lease. */
  #makePeer(i: number): Peer {
    const state = STATES[i]!;
    const [address, port] = [0xc0000210 + i, 40_000 + i];
    const address6 = state.moved ? teredo(address - 0x80, port + 7) : teredo(address, port);
    const host = this.rules;
    host.fromIpv6(data(HOST, address6));
    const answer = bubble(address6, tokenOf(host.sent));
    assert.equal(DROP_NAMES[host.fromClient(answer, { address, port })], DROP_NAMES[Drop.None]);
    const { name, leftUp, leftDown, none, moved: _, ...differs } = state;
    const usual = {
      slot: i + 1,
      address,
      port,
      local: RELAY,
      interfaceIndex: 1,
      mtu: LINK_MTU,
      up: true,
      down: true,
      renewUp: false,
      renewDown: false,
    };
    const lease = none === true ? undefined : { ...usual, ...differs };
    if (lease !== undefined) {
      const [key, value] = [this.#arena.take(16), this.#arena.take(4)];
      this.#arena.u8.set(address6, key);
      this.#arena.u32[value >> 2] = lease.slot;
      assert.equal(this.#bpf.update(this.#maps.leases, key, value), 0);
    }
    return { name, teredo: address6, address, port, lease, up: leftUp, down: leftDown };
  }

  /** Puts a peer's slot into the state that its lease says. */
  reset({ lease }: Peer, mtu = lease?.mtu ?? 0): void {
    if (lease === undefined || lease.slot > STATES.length) return;
    const slot = this.#slots + lease.slot * at.SLOT;
    const { u8, u32 } = this.#arena;
    u8.fill(0, slot, slot + at.SLOT);
    if (lease.slot === at.NO_LEASE) return;
    writeU32(u8, slot + at.SLOT_MAPPED_ADDRESS_AT, lease.address);
    writeU16(u8, slot + at.SLOT_MAPPED_PORT_AT, lease.port);
    writeU32(u8, slot + at.SLOT_LOCAL_ADDRESS_AT, lease.local);
    u32[(slot + at.SLOT_INTERFACE_AT) >> 2] = lease.interfaceIndex;
    u32[(slot + at.SLOT_MTU_AT) >> 2] = mtu;
    const now = BigInt(this.now);
    this.#u64[(slot + at.SLOT_UP_UNTIL_AT) >> 3] = lease.up ? now + LATER : 1n;
    this.#u64[(slot + at.SLOT_DOWN_UNTIL_AT) >> 3] = lease.down ? now + LATER : 1n;
    this.#u64[(slot + at.SLOT_UP_RENEW_AT) >> 3] = lease.renewUp ? 1n : now + LATER;
    this.#u64[(slot + at.SLOT_DOWN_RENEW_AT) >> 3] = lease.renewDown ? 1n : now + LATER;
  }

  /** Nanoseconds of CLOCK_MONOTONIC, which is the programs' clock. */
  get now(): number {
    return Math.round(monotonicTime(this.#libc) * 1e6);
  }

  /** The bytes of a peer's slot, which the caller owns; none when there is none. */
  slot({ lease }: Peer): Uint8Array {
    if (lease === undefined || lease.slot > STATES.length) return new Uint8Array(0);
    const from = this.#slots + lease.slot * at.SLOT;
    return this.#arena.u8.slice(from, from + at.SLOT);
  }

  /** Counters and times of a peer's slot. */
  read({ lease }: Peer) {
    const slot = this.#slots + lease!.slot * at.SLOT;
    const read = (offset: number) => this.#arena.readU64(slot + offset);
    return {
      receivedAt: read(at.SLOT_RECEIVED_AT),
      sentAt: read(at.SLOT_SENT_AT),
      received: [read(at.SLOT_RECEIVED_PACKETS_AT), read(at.SLOT_RECEIVED_BYTES_AT)],
      sent: [read(at.SLOT_SENT_PACKETS_AT), read(at.SLOT_SENT_BYTES_AT)],
      renewUpAt: read(at.SLOT_UP_RENEW_AT),
      renewDownAt: read(at.SLOT_DOWN_RENEW_AT),
    };
  }

  /** How often packets were left for a reason. */
  left(reason: ReasonName): number {
    return this.#counts.read()[REASON_NAMES.indexOf(reason)]!;
  }

  /** The same for each reason, by its number. */
  get leftByReason(): number[] {
    return [...this.#counts.read()];
  }

  /** For a failure: how often they were for each. */
  get allLeft(): string {
    return REASON_NAMES.map((name) => `${name} ${this.left(name)}`).join(", ");
  }

  /**
   * Has a program judge a frame; {@link out} is what became of it.
   *
   * @returns whether it was carried
   */
  run(way: "up" | "down", frame: Uint8Array, gsoSize = 0): boolean {
    const { u8, u32 } = this.#arena;
    u8.set(frame, this.#frame);
    u32[(this.#context + SK_BUFF_GSO_SIZE_AT) >> 2] = gsoSize;
    const verdict = this.#runner.run(this.#loaded[way], {
      at: this.#frame,
      length: frame.length,
      outAt: this.#outAt,
      capacity: CAPACITY,
      contextAt: this.#context,
      contextLength: gsoSize === 0 ? 0 : SIZEOF_SK_BUFF,
    });
    this.out = u8.subarray(this.#outAt, this.#outAt + this.#runner.ranLength);
    if (verdict === TC_ACT_REDIRECT) return true;
    assert.equal(verdict, TCX_NEXT, "a verdict of its own");
    assertBytes(this.out, frame, "left alone, and changed");
    return false;
  }

  /** Asks the rules about a datagram that the kernel took in. @returns why they drop it, or "none" */
  askUp(payload: Uint8Array, address: number, port: number, local: number): string {
    this.#clear();
    const datagram = arrival(payload, address, port, local);
    return DROP_NAMES[this.rules.relay.fromUdp(datagram, this.rules.now, this.#sink)];
  }

  /** Asks the rules about a packet that leaves by the TUN interface. */
  askDown(packet: Uint8Array): string {
    this.#clear();
    const { relay, now } = this.rules;
    return DROP_NAMES[relay.fromIpv6(packet, 0, packet.length, now, this.#sink)];
  }

  #clear(): void {
    this.sent = undefined;
    this.sentTo = undefined;
  }

  readonly #sink = {
    sendIpv6: (b: Uint8Array, from: number, length: number) => {
      assert.equal(this.sent, undefined, "the rules sent twice");
      this.sent = b.slice(from, from + length);
    },
    sendDatagram: ({ bytes, at: from, length, address, port, local }: UdpDatagram) => {
      assert.equal(this.sent, undefined, "the rules sent twice");
      this.sent = bytes.slice(from, from + length);
      this.sentTo = { address, port, local };
    },
    sendIcmpv6Error: () => assert.fail("the rules sent an error"),
  };

  disassembly(way: "up" | "down"): string {
    return disassemble(this.#programs[way]);
  }

  close(): void {
    const { leases, slots, control, reasons } = this.#maps;
    const all = [leases, slots, control, reasons, this.#loaded.up, this.#loaded.down];
    for (const fd of all) this.#libc.call.close(fd);
    this.#arena.close();
  }
}

/** Of a frame in and a frame out. BPF_PROG_TEST_RUN takes up to a page, less what the kernel adds. */
const CAPACITY = 4096;
