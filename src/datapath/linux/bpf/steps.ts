import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ATOMIC,
  BPF_B,
  BPF_CALL,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_H,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOV,
  BPF_MUL,
  BPF_OR,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TO_BE,
  BPF_W,
  BPF_X,
  BPF_XOR,
} from "#ffi/linux/mod.ts";

/**
 * The instructions of eBPF as data: a program is an array of them, with labels between. It is
 * assembled by `assemble.ts` and shown to people by `disassemble.ts`. RFC 9669 is the instruction set.
 *
 * A register has 64 bits. {@link R0} holds what a helper returned and what the program returns; R1 to
 * R5 are what a helper is called with, and are lost by the call; R6 to R9 outlast it; {@link FRAME} is
 * the end of the stack, of 512 bytes.
 */
export interface Register {
  readonly number: number;
}

const register = (number: number): Register => ({ number });
export const R0: Register = register(0);
export const R1: Register = register(1);
export const R2: Register = register(2);
export const R3: Register = register(3);
export const R4: Register = register(4);
export const R5: Register = register(5);
export const R6: Register = register(6);
export const R7: Register = register(7);
export const R8: Register = register(8);
export const R9: Register = register(9);
export const FRAME: Register = register(10);

/** One instruction. Where a field is not used it is 0. */
export interface Step {
  readonly code: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  /** 32 bits, signed or not. */
  readonly immediate: number;
  /** Of one that takes two places: the upper 32 bits of its number. */
  readonly upper?: number;
  /** Of a jump: the label to go on at. */
  readonly to?: string;
}

/** Steps, labels between them, and parts that are programs themselves. */
export type Program = readonly (Step | string | Program)[];

/** What a step reads beside its register: another, or a number of 32 bits. */
export type Operand = Register | number;

function step(code: number, fields: Partial<Step> = {}): Step {
  return { code, destination: 0, source: 0, offset: 0, immediate: 0, ...fields };
}

/** A step on a register and an operand: their form says which one. */
function onTwo(code: number, to: Register, operand: Operand, fields: Partial<Step> = {}): Step {
  const destination = to.number;
  return typeof operand === "number"
    ? step(code | BPF_K, { destination, immediate: operand, ...fields })
    : step(code | BPF_X, { destination, source: operand.number, ...fields });
}

type Arithmetic = (to: Register, operand: Operand) => Step;
const wide = (operation: number): Arithmetic => (to, by) => onTwo(BPF_ALU64 | operation, to, by);
const narrow = (operation: number): Arithmetic => (to, by) => onTwo(BPF_ALU | operation, to, by);

// Of all 64 bits. A number is one of 32 bits with a sign, which is extended.
export const set: Arithmetic = wide(BPF_MOV);
export const add: Arithmetic = wide(BPF_ADD);
export const subtract: Arithmetic = wide(BPF_SUB);
export const and: Arithmetic = wide(BPF_AND);
export const or: Arithmetic = wide(BPF_OR);
export const xor: Arithmetic = wide(BPF_XOR);
export const shiftLeft: Arithmetic = wide(BPF_LSH);
export const shiftRight: Arithmetic = wide(BPF_RSH);

// Of the lower 32 bits; the upper ones become 0.
export const multiply32: Arithmetic = narrow(BPF_MUL);
export const xor32: Arithmetic = narrow(BPF_XOR);
export const shiftRight32: Arithmetic = narrow(BPF_RSH);

/** Turns the lower 16, 32 or 64 bits from network order to the machine's, or back; the rest: 0. */
export const swap = (register: Register, bits: 16 | 32 | 64): Step =>
  step(BPF_ALU | BPF_END | BPF_TO_BE, { destination: register.number, immediate: bits });

type Load = (to: Register, from: Register, offset: number) => Step;
const loadOf = (size: number): Load => (to, from, offset) =>
  step(BPF_LDX | BPF_MEM | size, { destination: to.number, source: from.number, offset });
/** Of memory at a register and an offset, in the machine's order; upper bits: 0. */
export const load = {
  byte: loadOf(BPF_B),
  half: loadOf(BPF_H),
  word: loadOf(BPF_W),
  long: loadOf(BPF_DW),
} as const;

type Store = (at: Register, offset: number, value: Operand) => Step;
const storeOf = (size: number): Store => (at, offset, value) => {
  const fields = { destination: at.number, offset };
  return typeof value === "number"
    ? step(BPF_ST | BPF_MEM | size, { ...fields, immediate: value })
    : step(BPF_STX | BPF_MEM | size, { ...fields, source: value.number });
};
/** To memory at a register and an offset, in the machine's order. */
export const store = {
  byte: storeOf(BPF_B),
  half: storeOf(BPF_H),
  word: storeOf(BPF_W),
  long: storeOf(BPF_DW),
} as const;

/** Adds to 64 bits of memory, whoever else does at this moment. */
export const addAtomically = (at: Register, offset: number, value: Register): Step =>
  step(BPF_STX | BPF_ATOMIC | BPF_DW, {
    destination: at.number,
    source: value.number,
    offset,
    immediate: BPF_ADD,
  });

const loadPacketOf = (size: number) => (offset: number): Step =>
  step(BPF_LD | BPF_ABS | size, { immediate: offset });
/**
 * Of the packet of a socket filter, which R6 must be called for, to R0, out of network order. A load
 * beyond its end ends the program with 0. R1 to R5 are lost.
 */
export const loadPacket = {
  half: loadPacketOf(BPF_H),
  word: loadPacketOf(BPF_W),
} as const;

/** A map's descriptor as what helpers know it by. */
export const loadMap = (to: Register, fd: number): Step =>
  step(BPF_LD | BPF_IMM | BPF_DW, {
    destination: to.number,
    source: BPF_PSEUDO_MAP_FD,
    immediate: fd,
    upper: 0,
  });

/** Address of a byte in the first value of an array map. */
export const loadMapValue = (to: Register, fd: number, offset: number): Step =>
  step(BPF_LD | BPF_IMM | BPF_DW, {
    destination: to.number,
    source: BPF_PSEUDO_MAP_VALUE,
    immediate: fd,
    upper: offset,
  });

type Comparison = (register: Register, operand: Operand, to: string) => Step;
const compare = (operation: number): Comparison => (register, operand, to) =>
  onTwo(BPF_JMP | operation, register, operand, { to });
const compare32 = (operation: number): Comparison => (register, operand, to) =>
  onTwo(BPF_JMP32 | operation, register, operand, { to });

// Go on at the label if it is so of all 64 bits, without a sign.
export const ifEqual: Comparison = compare(BPF_JEQ);
export const ifNot: Comparison = compare(BPF_JNE);
export const ifAbove: Comparison = compare(BPF_JGT);
export const ifAtLeast: Comparison = compare(BPF_JGE);
export const ifBelow: Comparison = compare(BPF_JLT);
export const ifAtMost: Comparison = compare(BPF_JLE);
export const ifAnyBit: Comparison = compare(BPF_JSET);

// Of the lower 32 bits.
export const ifEqual32: Comparison = compare32(BPF_JEQ);
export const ifNot32: Comparison = compare32(BPF_JNE);
export const ifBelow32: Comparison = compare32(BPF_JLT);
export const ifAtMost32: Comparison = compare32(BPF_JLE);

export const goTo = (to: string): Step => step(BPF_JMP | BPF_JA, { to });
/** @param helper BPF_FUNC_... */
export const call = (helper: number): Step => step(BPF_JMP | BPF_CALL, { immediate: helper });
export const exit: Step = step(BPF_JMP | BPF_EXIT);

/** A number of 16 bits in network order as a load of the machine, which is little-endian, has it. */
export const network16 = (value: number): number => ((value & 0xff) << 8) | (value >>> 8);
/** The same of 32 bits. */
export const network32 = (value: number): number =>
  ((network16(value & 0xffff) << 16) | network16(value >>> 16)) >>> 0;
