import process from "node:process";
import { Arena } from "../../arena.ts";
import { check, failure } from "../../errors.ts";
import type { Libc } from "../../libc.ts";
import { callsOf } from "../calls/mod.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE } from "../mod.ts";
import * as arm64 from "./arm64.ts";
import { encode, type Line, type Values } from "./line.ts";
import * as x64 from "./x64.ts";

/**
 * What has to run where no JavaScript can: in a signal handler, on a thread that has none. A few
 * instructions for each processor, which call the kernel and nothing else.
 */
export interface Code {
  /**
   * A handler of any signal: makes the calls of a table on the thread that it comes to. Rows of six
   * 64-bit numbers: the number of the call, four arguments (a fifth is 0), how many threads it has failed on; a number
   * below 0 ends them. Then it counts the thread in `done`, 32 bits, and writes its thread number behind
   * that, as long as there is `room`.
   */
  readonly onEachThread: readonly Line[];
  /**
   * A handler of SIGSYS: writes the number of the refused call, 32 bits, to the descriptor `file`, a line
   * to the descriptor `log`, and ends the process with `status`. `lines` has 512 bytes for each call,
   * 16 bits of length and the text, and one more at `end`, for numbers that are beyond.
   */
  readonly lastWords: readonly Line[];
}

const ALL: Readonly<Record<string, Code>> = {
  x64: { onEachThread: x64.ON_EACH_THREAD, lastWords: x64.LAST_WORDS },
  arm64: { onEachThread: arm64.ON_EACH_THREAD, lastWords: arm64.LAST_WORDS },
};

/** @param architecture as `process.arch` names it */
export function codeFor(architecture: string = process.arch): Code {
  const code = ALL[architecture];
  if (code === undefined) throw new Error(`there is no code for ${architecture}`);
  return code;
}

/** A multiple of any size that a page has. */
const LENGTH = 65_536;

/**
 * Puts code where the processor runs it. It stays until the process ends: a handler may still be called.
 *
 * @returns its address
 * @throws SyscallError where no memory may be run
 */
export function runnable(libc: Libc, lines: readonly Line[], values: Values): number {
  const bytes = encode(lines, values);
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const at = Number(libc.call.mmap(0, LENGTH, PROT_READ | PROT_WRITE, flags, -1, 0));
  if (at <= 0) throw failure(libc, "mmap", "memory for code");
  copy(libc, bytes, at);
  const protect = callsOf().numberOf("mprotect")!;
  const done = libc.call.syscall(protect, at, LENGTH, PROT_READ | PROT_EXEC, 0);
  check(libc, done, "mprotect", "memory for code");
  return at;
}

/** By way of the kernel: no view of JavaScript's reaches there. @throws SyscallError */
function copy(libc: Libc, bytes: Uint8Array, to: number): void {
  const { call, layout } = libc;
  const arena = Arena.plain(libc, 8 + bytes.length);
  const [ends, from] = [arena.take(8), arena.take(bytes.length)];
  arena.u8.set(bytes, from);
  try {
    check(libc, call.pipe2(arena.address(ends), layout.O_CLOEXEC), "pipe2", "memory for code");
    const [reader, writer] = [arena.i32[ends >> 2]!, arena.i32[(ends >> 2) + 1]!];
    try {
      check(libc, call.write(writer, arena.address(from), bytes.length), "write", "code");
      check(libc, call.read(reader, to, bytes.length), "read", "code");
    } finally {
      call.close(writer);
      call.close(reader);
    }
  } finally {
    arena.close();
  }
}
