import type { Arena } from "#ffi/arena.ts";
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MISC,
  BPF_MUL,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  SIZEOF_SOCK_FILTER,
  SOCK_FILTER_CODE_AT,
  SOCK_FILTER_JF_AT,
  SOCK_FILTER_JT_AT,
  SOCK_FILTER_K_AT,
} from "#ffi/linux/mod.ts";
import { AssemblyError } from "./bpf/assemble.ts";

/** One instruction, of a program that is data: see {@link classic}. */
export interface Instruction {
  readonly code: number;
  readonly k: number;
  /** The label to go on at when a comparison holds. */
  readonly then?: string;
  /** The label to go on at when it does not. */
  readonly otherwise?: string;
}

/**
 * Classic BPF: a load reads from the data into A, at an offset or at one behind X. A load beyond the
 * end ends the program with 0.
 */
export const classic = {
  multiply: (k: number): Instruction => ({ code: BPF_ALU | BPF_MUL | BPF_K, k }),
  shiftRight: (k: number): Instruction => ({ code: BPF_ALU | BPF_RSH | BPF_K, k }),
  loadWord: (k: number): Instruction => ({ code: BPF_LD | BPF_W | BPF_ABS, k }),
  loadHalf: (k: number): Instruction => ({ code: BPF_LD | BPF_H | BPF_ABS, k }),
  loadByte: (k: number): Instruction => ({ code: BPF_LD | BPF_B | BPF_ABS, k }),
  loadWordAtX: (k: number): Instruction => ({ code: BPF_LD | BPF_W | BPF_IND, k }),
  loadHalfAtX: (k: number): Instruction => ({ code: BPF_LD | BPF_H | BPF_IND, k }),
  setX: (k: number): Instruction => ({ code: BPF_LDX | BPF_W | BPF_IMM, k }),
  store: (cell: number): Instruction => ({ code: BPF_ST, k: cell }),
  loadXFromCell: (cell: number): Instruction => ({ code: BPF_LDX | BPF_W | BPF_MEM, k: cell }),
  aToX: { code: BPF_MISC | BPF_TAX, k: 0 },
  xToA: { code: BPF_MISC | BPF_TXA, k: 0 },
  and: (k: number): Instruction => ({ code: BPF_ALU | BPF_AND | BPF_K, k }),
  add: (k: number): Instruction => ({ code: BPF_ALU | BPF_ADD | BPF_K, k }),
  addX: { code: BPF_ALU | BPF_ADD | BPF_X, k: 0 },
  xorX: { code: BPF_ALU | BPF_XOR | BPF_X, k: 0 },
  /** Goes on if A is `k`, else at the label. */
  ifEqual: (k: number, otherwise: string): Instruction => ({
    code: BPF_JMP | BPF_JEQ | BPF_K,
    k,
    otherwise,
  }),
  /** Goes on at the label if A is `k`. */
  to: (then: string, k: number): Instruction => ({ code: BPF_JMP | BPF_JEQ | BPF_K, k, then }),
  /** Goes on if A is `k` or more, else at the label. */
  ifFrom: (k: number, otherwise: string): Instruction => ({
    code: BPF_JMP | BPF_JGE | BPF_K,
    k,
    otherwise,
  }),
  returns: (k: number): Instruction => ({ code: BPF_RET | BPF_K, k }),
  returnA: { code: BPF_RET | BPF_A, k: 0 },
} as const;

/** A program: instructions, and labels between them. */
export type Program = readonly (Instruction | string)[];

/** Where an assembled program lies in the arena. */
export interface Assembled {
  readonly at: number;
  readonly count: number;
}

/** Jumps have one byte for how far they go. */
const MAX_JUMP = 255;

/** The instructions of a program in their places, and the places that its labels name. */
export interface LaidOut {
  readonly instructions: readonly Instruction[];
  readonly labels: ReadonlyMap<string, number>;
}

/** @throws AssemblyError for a label that stands twice */
export function layOutClassic(program: Program): LaidOut {
  const labels = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const line of program) {
    if (typeof line !== "string") instructions.push(line);
    else if (labels.has(line)) throw new AssemblyError(`the label ${line} stands twice`);
    else labels.set(line, instructions.length);
  }
  return { instructions, labels };
}

/**
 * Writes a classic program as an array of `struct sock_filter`.
 *
 * @throws AssemblyError for a label that is not there, stands twice, or is out of reach
 */
export function assembleClassic(arena: Arena, program: Program): Assembled {
  const { instructions, labels } = layOutClassic(program);
  const at = arena.take(SIZEOF_SOCK_FILTER * instructions.length);
  instructions.forEach(({ code, k, then, otherwise }, i) => {
    const entry = at + SIZEOF_SOCK_FILTER * i;
    arena.u16[(entry + SOCK_FILTER_CODE_AT) >> 1] = code;
    arena.u32[(entry + SOCK_FILTER_K_AT) >> 2] = k;
    arena.u8[entry + SOCK_FILTER_JT_AT] = jump(labels, i, then);
    arena.u8[entry + SOCK_FILTER_JF_AT] = jump(labels, i, otherwise);
  });
  return { at, count: instructions.length };
}

/** Jumps count from the next instruction, and go forward only. */
function jump(labels: LaidOut["labels"], from: number, label: string | undefined): number {
  if (label === undefined) return 0;
  const target = labels.get(label);
  if (target === undefined) throw new AssemblyError(`there is no label ${label}`);
  const length = target - from - 1;
  if (length >= 0 && length <= MAX_JUMP) return length;
  throw new AssemblyError(`jump from ${from} to ${label}: ${length} is out of reach`);
}
