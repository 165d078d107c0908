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
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOV,
  BPF_MUL,
  BPF_OR,
  BPF_PSEUDO_MAP_VALUE,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_W,
  BPF_X,
  BPF_XOR,
} from "#ffi/linux/mod.ts";
import { layOut } from "./assemble.ts";
import type { Program, Step } from "./steps.ts";

// Parts of a code
const CLASS = 0x07;
const OPERATION = 0xf0;
const SIZE = 0x18;
const MODE = 0xe0;

const SIZES: Readonly<Record<number, string>> = {
  [BPF_B]: "u8",
  [BPF_H]: "u16",
  [BPF_W]: "u32",
  [BPF_DW]: "u64",
};
const ARITHMETIC: Readonly<Record<number, string>> = {
  [BPF_MOV]: "=",
  [BPF_ADD]: "+=",
  [BPF_SUB]: "-=",
  [BPF_MUL]: "*=",
  [BPF_AND]: "&=",
  [BPF_OR]: "|=",
  [BPF_XOR]: "^=",
  [BPF_LSH]: "<<=",
  [BPF_RSH]: ">>=",
};
const COMPARISONS: Readonly<Record<number, string>> = {
  [BPF_JEQ]: "==",
  [BPF_JNE]: "!=",
  [BPF_JGT]: ">",
  [BPF_JGE]: ">=",
  [BPF_JLT]: "<",
  [BPF_JLE]: "<=",
  [BPF_JSET]: "&",
};

/**
 * A program as text, one step a line with its place, and labels: in the notation of the kernel's
 * verifier, so that its log can be read beside it.
 */
export function disassemble(program: Program): string {
  const { steps, labels } = layOut(program);
  const lines: string[] = [];
  const names = [...labels].reverse();
  for (const { step, place } of steps) {
    while (names.at(-1)?.[1] === place) lines.push(`${names.pop()![0]}:`);
    lines.push(`${String(place).padStart(5)}: ${textOf(step)}`);
  }
  return lines.join("\n");
}

function textOf(step: Step): string {
  const { code } = step;
  const kind = code & CLASS;
  if (kind === BPF_ALU64 || kind === BPF_ALU) return arithmetic(step, kind === BPF_ALU ? "w" : "r");
  if (kind === BPF_JMP || kind === BPF_JMP32) return jump(step, kind === BPF_JMP32 ? "w" : "r");
  const size = SIZES[code & SIZE];
  if (kind === BPF_LD && (code & MODE) === BPF_ABS) {
    return `r0 = *(${size} *)skb[${step.immediate}]`;
  }
  if (kind === BPF_LD) return `r${step.destination} = ${mapOf(step)}`;
  if (kind === BPF_LDX) return `r${step.destination} = *(${size} *)(${place(step.source, step)})`;
  const target = `*(${size} *)(${place(step.destination, step)})`;
  if (kind === BPF_ST) return `${target} = ${step.immediate}`;
  if (kind === BPF_STX && (code & MODE) === BPF_MEM) return `${target} = r${step.source}`;
  if (kind === BPF_STX && (code & MODE) === BPF_ATOMIC) return `lock ${target} += r${step.source}`;
  throw new TypeError(`no step has the code ${code}`);
}

function arithmetic(step: Step, letter: string): string {
  const to = `${letter}${step.destination}`;
  const operation = step.code & OPERATION;
  if (operation === BPF_END) {
    return `r${step.destination} = be${step.immediate} r${step.destination}`;
  }
  return `${to} ${ARITHMETIC[operation]} ${operand(step, letter)}`;
}

function jump(step: Step, letter: string): string {
  const operation = step.code & OPERATION;
  if (operation === BPF_EXIT) return "exit";
  if (operation === BPF_CALL) return `call ${step.immediate}`;
  if (operation === BPF_JA) return `goto ${step.to}`;
  const left = `${letter}${step.destination}`;
  return `if ${left} ${COMPARISONS[operation]} ${operand(step, letter)} goto ${step.to}`;
}

const operand = ({ code, source, immediate }: Step, letter: string): string =>
  code & BPF_X ? `${letter}${source}` : `${immediate}`;

const mapOf = ({ source, immediate, upper }: Step): string =>
  source === BPF_PSEUDO_MAP_VALUE ? `map ${immediate} value + ${upper}` : `map ${immediate}`;

const place = (register: number, { offset }: Step): string =>
  `r${register} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
