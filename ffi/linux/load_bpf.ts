import process from "node:process";
import type { Arena } from "../arena.ts";
import type { Libc } from "../libc.ts";
import {
  BPF_ATTR_INSN_CNT_AT,
  BPF_ATTR_INSNS_AT,
  BPF_ATTR_LICENSE_AT,
  BPF_ATTR_PROG_NAME_AT,
  BPF_ATTR_PROG_TYPE_AT,
  BPF_OBJ_NAME_LEN,
  BPF_PROG_LOAD,
  SYS_BPF,
} from "./bpf.ts";

export interface EbpfProgram {
  /** BPF_PROG_TYPE_... */
  readonly type: number;
  /** For people who list programs; at most 15 letters, digits and `_`. */
  readonly name: string;
  readonly license: string;
  /** Arena offset and number of its instructions. */
  readonly at: number;
  readonly count: number;
}

/**
 * Loads a program into the kernel, which verifies it: bpf(2), BPF_PROG_LOAD.
 *
 * @returns a descriptor for it, which the caller closes; -1 when the kernel refused
 */
export function loadEbpf(libc: Libc, arena: Arena, program: EbpfProgram): number {
  const length = BPF_ATTR_PROG_NAME_AT + BPF_OBJ_NAME_LEN;
  const attributes = arena.take(length);
  arena.u32[(attributes + BPF_ATTR_PROG_TYPE_AT) >> 2] = program.type;
  arena.u32[(attributes + BPF_ATTR_INSN_CNT_AT) >> 2] = program.count;
  arena.writeU64(attributes + BPF_ATTR_INSNS_AT, arena.address(program.at));
  const license = arena.cString(program.license);
  arena.writeU64(attributes + BPF_ATTR_LICENSE_AT, arena.address(license));
  const name = arena.u8.subarray(attributes + BPF_ATTR_PROG_NAME_AT, attributes + length - 1);
  new TextEncoder().encodeInto(program.name, name);
  const number = SYS_BPF[process.arch]!;
  return libc.call.syscall(number, BPF_PROG_LOAD, arena.address(attributes), length);
}
