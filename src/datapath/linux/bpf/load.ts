import type { Arena } from "#ffi/arena.ts";
import { Bpf, ProgramRefused } from "#ffi/linux/bpf_calls.ts";
import type { Libc } from "#ffi/libc.ts";
import { assemble } from "./assemble.ts";
import { disassemble } from "./disassemble.ts";
import type { Program } from "./steps.ts";

/**
 * Loads a program: assembled, verified, and by the licence that it is under.
 *
 * @param type BPF_PROG_TYPE_...
 * @param name for people who list programs; at most 15 letters, digits and `_`
 * @returns a descriptor for it, which the caller closes
 * @throws ProgramRefused with the verifier's log, if it had anything to say, and the program as text
 */
export function loadProgram(
  libc: Libc,
  arena: Arena,
  type: number,
  name: string,
  program: Program,
): number {
  try {
    const code = assemble(arena, program);
    return new Bpf(libc, arena).load({ type, name, license: "MIT", ...code });
  } catch (error) {
    if (error instanceof ProgramRefused && error.log !== "") {
      error.message += `\n${disassemble(program)}`;
    }
    throw error;
  }
}
