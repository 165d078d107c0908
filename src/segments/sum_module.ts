/**
 * A WebAssembly module of one function, assembled by hand:
 *
 *     sum(at: i32, length: i32) -> i32
 *
 * It adds 16 bytes with each instruction, which no code of a JavaScript engine does. The words are
 * added in the processor's little-endian order and swapped once at the end: a ones-complement sum
 * does not mind (RFC 1071 §2 (B)).
 *
 * Opcodes have the names of the WebAssembly specification.
 */

// Types
const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;
const FUNCTION = 0x60;
const NO_RESULT = 0x40;

// Control and variables
const BLOCK = 0x02;
const LOOP = 0x03;
const IF = 0x04;
const END = 0x0b;
const BR = 0x0c;
const BR_IF = 0x0d;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;

// Memory; an alignment of 2^0 promises nothing
const I64_LOAD8_U = 0x31;
const I64_LOAD16_U = 0x33;
const I64_LOAD32_U = 0x35;
const UNALIGNED = 0;

// Numbers
const I32_CONST = 0x41;
const I32_GE_U = 0x4f;
const I32_ADD = 0x6a;
const I32_AND = 0x71;
const I32_OR = 0x72;
const I32_SHL = 0x74;
const I32_SHR_U = 0x76;
const I64_CONST = 0x42;
const I64_ADD = 0x7c;
const I64_AND = 0x83;
const I64_SHR_U = 0x88;
const I32_WRAP_I64 = 0xa7;
const I64_EXTEND_I32_U = 0xad;

// Vectors
const VECTOR = 0xfd;
const V128_LOAD = 0x00;
const I32X4_EXTRACT_LANE = 0x1b;
const I32X4_EXTADD_PAIRWISE_I16X8_U = 0x7f;
const I32X4_ADD = 0xae;

// Sections
const TYPES = 1;
const IMPORTS = 2;
const FUNCTIONS = 3;
const EXPORTS = 7;
const CODE = 10;
const MEMORY = 2;
/** A limit with a minimum of no pages and no maximum: any memory may be imported. */
const ANY_SIZE = [0, 0];

// Parameters and locals of the function
const AT = 0;
const LENGTH = 1;
const END_AT = 2;
const TOTAL = 3;
const EVEN = 4;
const ODD = 5;

/** LEB128 of an unsigned number. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 of a signed 32-bit number. */
function signed(value: number): number[] {
  const rest = value >> 7;
  const fits = rest === (value & 0x40 ? -1 : 0);
  return fits ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(rest)];
}

const get = (local: number) => [LOCAL_GET, local];
const set = (local: number) => [LOCAL_SET, local];
const i32 = (value: number) => [I32_CONST, ...signed(value)];
const i64 = (value: number) => [I64_CONST, ...signed(value)];
const vector = (opcode: number) => [VECTOR, ...unsigned(opcode)];
const advance = (bytes: number) => [...get(AT), ...i32(bytes), I32_ADD, ...set(AT)];

/** Adds the eight words at `AT` + `offset` to the four lanes of `lanes`. */
function addVector(offset: number, lanes: number): number[] {
  return [
    ...get(lanes),
    ...get(AT),
    ...vector(V128_LOAD),
    UNALIGNED,
    offset,
    ...vector(I32X4_EXTADD_PAIRWISE_I16X8_U),
    ...vector(I32X4_ADD),
    ...set(lanes),
  ];
}

/** Adds vectors as long as there are `step` bytes, a power of two; `mask` selects how many there are. */
function addVectors(step: number, mask: number): number[] {
  const offsets = Array.from({ length: step / 16 }, (_, i) => 16 * i);
  return [
    ...[...get(AT), ...get(LENGTH), ...i32(mask), I32_AND, I32_ADD, ...set(END_AT)],
    ...[BLOCK, NO_RESULT, LOOP, NO_RESULT],
    ...[...get(AT), ...get(END_AT), I32_GE_U, BR_IF, 1],
    // Two sums that do not wait for each other.
    ...offsets.flatMap((offset, i) => addVector(offset, i % 2 === 0 ? EVEN : ODD)),
    ...advance(step),
    ...[BR, 0, END, END],
  ];
}

/** Adds what `load` finds at `AT` + `offset` to the total. */
const addWord = (
  load: number,
  offset: number,
) => [...get(TOTAL), ...get(AT), load, UNALIGNED, offset, I64_ADD, ...set(TOTAL)];

/** Adds `size` bytes, a power of two below 16, where that bit of the length says that they are there. */
const addRest = (
  size: number,
  words: readonly number[],
) => [...get(LENGTH), ...i32(size), I32_AND, IF, NO_RESULT, ...words, ...advance(size), END];

const addLane = (lanes: number, lane: number) => [
  ...[...get(TOTAL), ...get(lanes), ...vector(I32X4_EXTRACT_LANE), lane],
  ...[I64_EXTEND_I32_U, I64_ADD, ...set(TOTAL)],
];

/** total = (total & 2^bits - 1) + (total >>> bits) */
const fold = (bits: number, mask: readonly number[]) => [
  ...[...get(TOTAL), ...mask, I64_AND],
  ...[...get(TOTAL), ...i64(bits), I64_SHR_U, I64_ADD, ...set(TOTAL)],
];

const LOW_16 = i64(0xffff);
/** 0xffff_ffff: -1 as 32 bits, without a sign */
const LOW_32 = [...i32(-1), I64_EXTEND_I32_U];

const BODY: readonly number[] = [
  ...addVectors(64, ~63),
  ...addVectors(16, 48),
  ...[0, 1, 2, 3].flatMap((lane) => [...addLane(EVEN, lane), ...addLane(ODD, lane)]),
  ...addRest(8, [...addWord(I64_LOAD32_U, 0), ...addWord(I64_LOAD32_U, 4)]),
  ...addRest(4, addWord(I64_LOAD32_U, 0)),
  ...addRest(2, addWord(I64_LOAD16_U, 0)),
  ...addRest(1, addWord(I64_LOAD8_U, 0)), // the last byte's partner is a zero. RFC 1071 §1
  ...fold(32, LOW_32),
  ...fold(16, LOW_16),
  ...fold(16, LOW_16),
  ...fold(16, LOW_16),
  // ((total & 0xff) << 8) | (total >>> 8)
  ...[...get(TOTAL), I32_WRAP_I64, ...i32(0xff), I32_AND, ...i32(8), I32_SHL],
  ...[...get(TOTAL), I32_WRAP_I64, ...i32(8), I32_SHR_U, I32_OR],
  END,
];

const LOCALS = [3, 1, I32, 1, I64, 2, V128];

const section = (
  id: number,
  content: readonly number[],
) => [id, ...unsigned(content.length), ...content];
const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
const FIRST = 0;
const FUNCTION_BYTES = [...LOCALS, ...BODY];

/** Imports the memory to read as `arena.memory`; exports `sum`. Lengths are exact up to 512 KiB. */
export const SUM_MODULE: Uint8Array<ArrayBuffer> = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d], // magic: \0asm
  ...[1, 0, 0, 0], // version
  ...section(TYPES, [1, FUNCTION, 2, I32, I32, 1, I32]),
  ...section(IMPORTS, [1, ...name("arena"), ...name("memory"), MEMORY, ...ANY_SIZE]),
  ...section(FUNCTIONS, [1, FIRST]),
  ...section(EXPORTS, [1, ...name("sum"), 0, FIRST]),
  ...section(CODE, [1, ...unsigned(FUNCTION_BYTES.length), ...FUNCTION_BYTES]),
]);
