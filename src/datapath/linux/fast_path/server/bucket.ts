import { BPF_FUNC_ktime_get_ns, BPF_FUNC_map_lookup_elem } from "#ffi/linux/mod.ts";
import {
  add,
  call,
  FRAME,
  ifAbove,
  ifAtLeast,
  ifEqual,
  load,
  loadMap,
  multiply32,
  type Program,
  R0,
  R1,
  R2,
  R3,
  R4,
  type Register,
  set,
  shiftRight32,
  store,
  subtract,
  xor32,
} from "../../bpf/steps.ts";
import { IPV4_SOURCE_AT } from "../wire.ts";
import { IPV4_AT, KEY_AT, LONG_AT, NOW_AT } from "./layout.ts";

/**
 * The limit on router solicitations of one IPv4 address, as `Limiter` has it: a bucket is the one time at
 * which it will be full again, and sources whose hash is the same share one. So nothing is forgotten,
 * whatever is done with other sources, and nothing grows.
 *
 * Two processors that take from one bucket in the same instant may take one token together: of what a
 * source sends in a burst, as many more than its tokens can pass as there are other processors that
 * receive it.
 */
export interface Buckets {
  /** Descriptor of an array of {@link BUCKETS} times, of 64 bits each. */
  readonly map: number;
  /** Tokens a second; 0: no limit. */
  readonly rate: number;
  /** Tokens in a full bucket. */
  readonly burst: number;
  /** Two odd numbers of 32 bits, which no stranger knows: what shares a bucket cannot be guessed. */
  readonly factors: readonly [number, number];
}

export const BUCKETS = 65_536;
export const BUCKET_SIZE = 8;
const SECOND = 1_000_000_000;

/**
 * Takes a token of the source of the IPv4 header on the stack.
 *
 * @param empty the label to go on at where there is none
 * @param failed the same where there is no bucket, which cannot be
 */
export function takeToken(buckets: Buckets, empty: string, failed: string): Program {
  const { map, rate, burst, factors: [first, second] } = buckets;
  if (rate === 0) return [];
  const interval = Math.round(SECOND / rate);
  const depth = interval * Math.max(1, burst);
  return [
    call(BPF_FUNC_ktime_get_ns),
    store.long(FRAME, NOW_AT, R0),
    load.word(R2, FRAME, IPV4_AT + IPV4_SOURCE_AT),
    multiply32(R2, first),
    set(R1, R2),
    shiftRight32(R1, 16),
    xor32(R2, R1),
    multiply32(R2, second),
    shiftRight32(R2, 16),
    store.word(FRAME, KEY_AT, R2),
    loadMap(R1, map),
    set(R2, FRAME),
    add(R2, KEY_AT),
    call(BPF_FUNC_map_lookup_elem),
    ifEqual(R0, 0, failed),
    load.long(R1, FRAME, NOW_AT),
    load.long(R2, R0, 0),
    ifAtLeast(R2, R1, "not full"),
    set(R2, R1),
    "not full",
    setLong(R3, interval),
    add(R2, R3),
    set(R4, R2),
    subtract(R4, R1),
    setLong(R3, depth),
    ifAbove(R4, R3, empty),
    store.long(R0, 0, R2),
  ];
}

/** A number below 2^53, by way of the stack. */
const setLong = (to: Register, value: number): Program => [
  store.word(FRAME, LONG_AT, value % 2 ** 32),
  store.word(FRAME, LONG_AT + 4, Math.floor(value / 2 ** 32)),
  load.long(to, FRAME, LONG_AT),
];
