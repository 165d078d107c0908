import { BPF_ALU, BPF_JMP, BPF_LD, BPF_LDX, BPF_RET, BPF_ST } from "#ffi/linux/mod.ts";
import { type Instruction, layOutClassic, type Program } from "./filter_code.ts";

const CLASS = 0x07;
const NAMES: ReadonlyMap<number, string> = new Map([
  [BPF_LD, "load"],
  [BPF_LDX, "load x"],
  [BPF_ST, "store"],
  [BPF_ALU, "compute"],
  [BPF_JMP, "compare"],
  [BPF_RET, "return"],
]);

/** A classic program for people: one instruction a line, with its place, labels between them. */
export function disassembleClassic(program: Program): string {
  const { instructions, labels } = layOutClassic(program);
  const named = Map.groupBy(labels, ([, place]) => place);
  const lines = instructions.flatMap((it, i) => [
    ...(named.get(i) ?? []).map(([label]) => `${label}:`),
    `${String(i).padStart(4)}  ${textOf(it)}`,
  ]);
  return lines.join("\n");
}

function textOf({ code, k, then, otherwise }: Instruction): string {
  const name = NAMES.get(code & CLASS) ?? "move";
  const jumps = [then && `then ${then}`, otherwise && `else ${otherwise}`].filter(Boolean);
  const operation = (code & ~CLASS).toString(16).padStart(2, "0");
  return [`${name} ${operation}`, `0x${(k >>> 0).toString(16)}`, ...jumps].join(" ");
}
