import type { Arena } from "#ffi/arena.ts";
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_B,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JEQ,
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
  SOCK_FILTER_K_AT,
} from "#ffi/linux/mod.ts";

/** One instruction, of a program that is data: see {@link classic}. */
export interface Instruction {
  readonly code: number;
  readonly k: number;
  /** The label to go on at when a comparison fails. */
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
  add: (k: number): Instruction => ({ code: BPF_ALU | BPF_ADD | BPF_K, k }),
  addX: { code: BPF_ALU | BPF_ADD | BPF_X, k: 0 },
  xorX: { code: BPF_ALU | BPF_XOR | BPF_X, k: 0 },
  /** Goes on if A is `k`, else at the label. */
  ifEqual: (k: number, otherwise: string): Instruction => ({
    code: BPF_JMP | BPF_JEQ | BPF_K,
    k,
    otherwise,
  }),
  returnA: { code: BPF_RET | BPF_A, k: 0 },
} as const;

/** A program: instructions, and labels between them. */
export type Program = readonly (Instruction | string)[];

/** Where an assembled program lies in the arena. */
export interface Assembled {
  readonly at: number;
  readonly count: number;
}

/** Writes a classic program as an array of `struct sock_filter`. */
export function assembleClassic(arena: Arena, program: Program): Assembled {
  const labels = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const line of program) {
    if (typeof line === "string") labels.set(line, instructions.length);
    else instructions.push(line);
  }
  const at = arena.take(SIZEOF_SOCK_FILTER * instructions.length);
  instructions.forEach(({ code, k, otherwise }, i) => {
    const entry = at + SIZEOF_SOCK_FILTER * i;
    arena.u16[(entry + SOCK_FILTER_CODE_AT) >> 1] = code;
    arena.u32[(entry + SOCK_FILTER_K_AT) >> 2] = k;
    // Jumps count from the next instruction.
    if (otherwise !== undefined) {
      arena.u8[entry + SOCK_FILTER_JF_AT] = labels.get(otherwise)! - i - 1;
    }
  });
  return { at, count: instructions.length };
}
