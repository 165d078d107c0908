import type { Arena } from "#ffi/arena.ts";
import {
  BPF_ALU64,
  BPF_DW,
  BPF_INSN_CODE_AT,
  BPF_INSN_IMM_AT,
  BPF_INSN_OFF_AT,
  BPF_JMP,
  BPF_K,
  BPF_MEM,
  BPF_ST,
  BPF_X,
  SIZEOF_BPF_INSN,
} from "#ffi/linux/mod.ts";
import type { Program, Step } from "./steps.ts";

/** A program that can not be: a slip of who wrote it. */
export class AssemblyError extends Error {
  readonly code = "ERR_ASSEMBLY";
  override readonly name = "AssemblyError";
}

/** Where an assembled program lies in the arena. */
export interface Assembled {
  readonly at: number;
  /** Places of 8 bytes: one that loads 64 bits takes two. */
  readonly count: number;
}

/** One step, and where it comes to lie. */
export interface Placed {
  readonly step: Step;
  readonly place: number;
}

/** The steps of a program in their places, and the places that its labels name. */
export interface Layout {
  readonly steps: readonly Placed[];
  readonly labels: ReadonlyMap<string, number>;
  readonly count: number;
}

const CLASS = 0x07;
const STORE_LONG = BPF_ST | BPF_MEM | BPF_DW;
const MAX_OFFSET = 0x7fff;

/** Finds a place for every step. @throws AssemblyError for a label that stands twice */
export function layOut(program: Program): Layout {
  const steps: Placed[] = [];
  const labels = new Map<string, number>();
  let count = 0;
  const place = (part: Program): void => {
    for (const line of part) {
      if (typeof line === "string") {
        if (labels.has(line)) throw new AssemblyError(`the label ${line} stands twice`);
        labels.set(line, count);
      } else if ("code" in line) {
        steps.push({ step: line, place: count });
        count += line.upper === undefined ? 1 : 2;
      } else place(line);
    }
  };
  place(program);
  return { steps, labels, count };
}

/**
 * Writes a program as an array of `struct bpf_insn`.
 *
 * @throws AssemblyError for a label that is not there or stands twice, a jump or an offset that is too
 *   long, or a number that an instruction has no room for
 */
export function assemble(arena: Arena, program: Program): Assembled {
  const { steps, labels, count } = layOut(program);
  const at = arena.take(SIZEOF_BPF_INSN * count);
  for (const { step, place } of steps) {
    const entry = at + SIZEOF_BPF_INSN * place;
    arena.u8[entry + BPF_INSN_CODE_AT] = step.code;
    // Two registers of four bits stand in one byte.
    arena.u8[entry + BPF_INSN_CODE_AT + 1] = step.destination | (step.source << 4);
    arena.u16[(entry + BPF_INSN_OFF_AT) >> 1] = offsetOf(step, place, labels);
    arena.u32[(entry + BPF_INSN_IMM_AT) >> 2] = immediateOf(step, place);
    if (step.upper !== undefined) {
      arena.u32[(entry + SIZEOF_BPF_INSN + BPF_INSN_IMM_AT) >> 2] = step.upper;
    }
  }
  return { at, count };
}

function offsetOf(step: Step, place: number, labels: ReadonlyMap<string, number>): number {
  if (step.to === undefined) return offset16(step.offset, `offset at ${place}`);
  const target = labels.get(step.to);
  if (target === undefined) throw new AssemblyError(`there is no label ${step.to}`);
  // Jumps count from the next instruction.
  return offset16(target - place - 1, `jump from ${place} to ${step.to}`);
}

function offset16(offset: number, what: string): number {
  if (Number.isInteger(offset) && offset >= -MAX_OFFSET - 1 && offset <= MAX_OFFSET) return offset;
  throw new AssemblyError(`${what}: ${offset} is beyond 16 bits`);
}

/** Where all 64 bits are meant, the number is one with a sign: 2^31 and more would be negative. */
function immediateOf({ code, immediate, upper }: Step, place: number): number {
  const kind = code & CLASS;
  const takesNumber = kind === BPF_ST || (code & BPF_X) === BPF_K;
  const isExtended = kind === BPF_ALU64 || kind === BPF_JMP || code === STORE_LONG;
  const end = upper === undefined && takesNumber && isExtended ? 2 ** 31 : 2 ** 32;
  const fits = Number.isInteger(immediate) && immediate >= -(2 ** 31) && immediate < end;
  if (!fits) throw new AssemblyError(`number at ${place}: ${immediate} is beyond its 32 bits`);
  return immediate;
}
