import {
  BPF_FUNC_ktime_get_coarse_ns,
  BPF_FUNC_map_lookup_elem,
  BPF_FUNC_skb_pull_data,
  SK_BUFF_DATA_AT,
  SK_BUFF_DATA_END_AT,
  TCX_NEXT,
} from "#ffi/linux/mod.ts";
import { NEXT_HEADER_ICMPV6, NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import type { Ipv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { readU32 } from "#src/protocol/wire/bytes.ts";
import {
  add,
  addAtomically,
  and,
  call,
  exit,
  FRAME,
  goTo,
  ifAbove,
  ifAtMost,
  ifBelow,
  ifEqual,
  ifEqual32,
  ifNot32,
  load,
  loadMap,
  loadMapValue,
  network16,
  network32,
  type Program,
  R0,
  R1,
  R2,
  R3,
  R6,
  R7,
  R8,
  R9,
  type Register,
  set,
  shiftRight,
  store,
} from "../bpf/steps.ts";
import { layOut } from "../bpf/assemble.ts";
import { CONTROL_ALIVE_UNTIL_AT, NO_LEASE, RENEW_AGAIN } from "./leases.ts";
import { REASON_NAMES, type ReasonName } from "./reasons.ts";

/** What a program is made for. The numbers stand in its instructions. */
export interface RelayProgramOptions {
  /** Descriptors of the maps. */
  readonly leases: number;
  readonly slots: number;
  readonly control: number;
  readonly reasons: number;
  /** Our UDP port. */
  readonly servicePort: number;
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  /** Addresses that clients may reach and be reached from, at most {@link MAX_SERVED}; undefined: any. */
  readonly served: readonly Ipv6Prefix[] | undefined;
}

/** With more a program would be slower than what it is to save. */
export const MAX_SERVED = 8;

// What the programs keep in the registers that outlast a call.
/** The `struct __sk_buff` that the program is called for. */
export const CONTEXT: Register = R6;
/** The first byte of the frame. */
export const PACKET: Register = R7;
/** The peer's slot, once it is found. */
export const LEASE: Register = R8;
/** Bytes of the frame. */
export const LENGTH: Register = R9;

// And on the stack
const KEY_AT = -4;
/** 28 bytes: headers in the making. */
export const HEADERS_AT = -32;
const NOW_AT = -40;

/** Times are refreshed once a second: no timer of RFC 4380 needs them more often. */
const REFRESH = 1_000_000_000;

/** The label of packets that the program is not for. */
export const NOT_OURS = "not ours";
/** The label of a reason: the packet is left alone and counted. */
export const leave = (reason: ReasonName): string => `leave ${reason}`;

/**
 * A whole program of `rules`, whose end is where all of {@link leave} lead: the reason is counted, and
 * the packet left to the kernel as it is.
 */
export function withLeaving(rules: Program, { reasons }: RelayProgramOptions): Program {
  const used = new Set(layOut(rules).steps.map(({ step }) => step.to));
  const numbers = REASON_NAMES.flatMap((reason, number) =>
    used.has(leave(reason)) ? [leave(reason), set(R1, number), goTo("count")] : []
  );
  return [
    rules,
    numbers,
    "count",
    store.word(FRAME, KEY_AT, R1),
    loadMap(R1, reasons),
    set(R2, FRAME),
    add(R2, KEY_AT),
    call(BPF_FUNC_map_lookup_elem),
    ifEqual(R0, 0, NOT_OURS),
    load.long(R1, R0, 0), // this processor's own
    add(R1, 1),
    store.long(R0, 0, R1),
    NOT_OURS,
    set(R0, TCX_NEXT),
    exit,
  ];
}

/** Goes on at the label unless the first `length` bytes of the frame lie where they can be read. */
export const reach = (length: number, otherwise: string): Program => [
  load.word(PACKET, CONTEXT, SK_BUFF_DATA_AT),
  load.word(R3, CONTEXT, SK_BUFF_DATA_END_AT),
  set(R2, PACKET),
  add(R2, length),
  ifAbove(R2, R3, otherwise),
];

/**
 * The same, but what an interface has left where only its card's memory was is fetched: which changes
 * nothing in the packet.
 */
export const fetch = (length: number, otherwise: string): Program => [
  reach(length, `fetch ${length}`),
  goTo(`has ${length}`),
  `fetch ${length}`,
  set(R1, CONTEXT),
  set(R2, length),
  call(BPF_FUNC_skb_pull_data),
  reach(length, otherwise),
  `has ${length}`,
];

/** Only what an IPv6 header says all of: no extension headers, no bubbles. RFC 4380 §2.8 */
export const checkNextHeader = (at: number): Program => [
  load.byte(R2, PACKET, at),
  ifEqual(R2, NEXT_HEADER_TCP, "transport"),
  ifEqual(R2, NEXT_HEADER_UDP, "transport"),
  ifNot32(R2, NEXT_HEADER_ICMPV6, leave("next_header")),
  "transport",
];

/** Finds the slot of the Teredo address at `at` of the frame. */
export const findLease = ({ leases, slots }: RelayProgramOptions, at: number): Program => [
  loadMap(R1, leases),
  set(R2, PACKET),
  add(R2, at),
  call(BPF_FUNC_map_lookup_elem),
  ifEqual(R0, 0, leave("no_lease")),
  load.word(R2, R0, 0),
  ifEqual(R2, NO_LEASE, leave("no_lease")),
  store.word(FRAME, KEY_AT, R2),
  loadMap(R1, slots),
  set(R2, FRAME),
  add(R2, KEY_AT),
  call(BPF_FUNC_map_lookup_elem),
  ifEqual(R0, 0, leave("no_lease")),
  set(LEASE, R0),
];

/** The lease, and all of them, hold at this moment, which is kept. */
export const checkTime = ({ control }: RelayProgramOptions, untilAt: number): Program => [
  call(BPF_FUNC_ktime_get_coarse_ns),
  store.long(FRAME, NOW_AT, R0),
  loadMapValue(R1, control, CONTROL_ALIVE_UNTIL_AT),
  load.long(R1, R1, 0),
  ifAtMost(R1, R0, leave("expired")),
  load.long(R1, LEASE, untilAt),
  ifAtMost(R1, R0, leave("expired")),
];

/**
 * Once in a while a packet comes the slow way. This is the last thing that is asked, so that nobody
 * can have that done by a packet that would not pass.
 */
export const checkRenewal = (renewAt: number): Program => [
  load.long(R0, FRAME, NOW_AT),
  load.long(R1, LEASE, renewAt),
  ifBelow(R0, R1, "no renewal"),
  add(R0, RENEW_AGAIN),
  store.long(LEASE, renewAt, R0),
  goTo(leave("renewal")),
  "no renewal",
];

/** Counts a packet, with as many bytes as {@link LENGTH} has, and says when it passed. */
export const count = (packetsAt: number, bytesAt: number, timeAt: number): Program => [
  set(R1, 1),
  addAtomically(LEASE, packetsAt, R1),
  addAtomically(LEASE, bytesAt, LENGTH),
  load.long(R1, FRAME, NOW_AT),
  load.long(R2, LEASE, timeAt),
  add(R2, REFRESH),
  ifAbove(R2, R1, "fresh"),
  store.long(LEASE, timeAt, R1),
  "fresh",
];

/**
 * The end of a packet that is no client's, an IPv6 address at `at` of the frame. RFC 4380 §5.4.1, §5.4.2
 * Multicast, fe80::/10, ::/96, ::ffff:0:0/96 and Teredo are for the relay's rules to refuse.
 */
export const checkNative = ({ prefix, served }: RelayProgramOptions, at: number): Program => [
  load.byte(R1, PACKET, at),
  ifEqual(R1, 0xff, leave("scope")),
  load.half(R1, PACKET, at),
  and(R1, network16(0xffc0)),
  ifEqual(R1, network16(0xfe80), leave("scope")),
  load.word(R1, PACKET, at),
  ifEqual32(R1, network32(prefix), leave("scope")), // it would go in circles: RFC 6169 §2.2.3
  ifNot32(R1, 0, "routable"),
  load.word(R1, PACKET, at + 4),
  ifNot32(R1, 0, "routable"),
  load.word(R1, PACKET, at + 8),
  ifEqual32(R1, 0, leave("scope")),
  ifEqual32(R1, network32(0xffff), leave("scope")),
  "routable",
  served === undefined || served.some(({ length }) => length === 0) ? [] : [
    served.map((it, i) => inPrefix(it, at, `prefix ${i + 1}`)),
    goTo(leave("not_served")),
    "served",
  ],
];

/** Goes on at "served" if the address lies in the prefix, else behind the label. */
function inPrefix({ bytes, length }: Ipv6Prefix, at: number, otherwise: string): Program {
  const words = [0, 4, 8, 12].filter((i) => 8 * i < length);
  return [
    words.map((i) => {
      const bits = Math.min(length - 8 * i, 32);
      const mask = network32((0xffff_ffff << (32 - bits)) >>> 0) | 0;
      const expected = network32(readU32(bytes, i));
      return [load.word(R1, PACKET, at + i), and(R1, mask), ifNot32(R1, expected, otherwise)];
    }),
    goTo("served"),
    otherwise,
  ];
}

/**
 * Folds a sum of words and halves to 16 bits. RFC 1071 §1: neither the order of bytes nor the size of
 * what is added matters to it, so that all is added as it is loaded. Below 2^48.
 */
export const fold = (sum: Register, scratch: Register): Program => {
  const once = [set(scratch, sum), shiftRight(scratch, 16), and(sum, 0xffff), add(sum, scratch)];
  return [once, once, once];
};

/** Adds words of 32 bits from the offsets `at` of memory at `from`. */
export const addWords = (sum: Register, from: Register, at: readonly number[]): Program =>
  at.map((offset) => [load.word(R0, from, offset), add(sum, R0)]);

/** The same of 16 bits. */
export const addHalves = (sum: Register, from: Register, at: readonly number[]): Program =>
  at.map((offset) => [load.half(R0, from, offset), add(sum, R0)]);
