import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { codeFor, runnable } from "#ffi/linux/code/mod.ts";
import { SIGSYS } from "#ffi/linux/mod.ts";

/** Bytes for each line, of which two tell its length; see `Code.lastWords`. */
const LINE = 512;
const NUMBER = 8;
/** Exit status of a failure at run time. */
const STATUS = 1;
/** No descriptor has this number. */
const NONE = 0xffff;

export interface LastWords {
  /** The line for a refused system call, by its name, with its end. */
  readonly line: (call: string) => string;
  /** Descriptor that it is written to. */
  readonly log: number;
  /** Descriptor that the number of the call is written to, as 32 bits; undefined: none. */
  readonly file: number | undefined;
}

/**
 * Makes ready for a system call that the filter refuses: the thread that makes it, whichever it is and
 * whatever state it is in, writes what was written here beforehand, and ends the process. Nothing of
 * JavaScript has to run for that, nobody is waited for, and there is no second way for the call.
 *
 * @returns has it so from here on
 * @throws SyscallError where no memory may be run
 */
export function prepareLastWords(libc: Libc, { line, log, file }: LastWords): () => void {
  const calls = callsOf();
  const lines = LINE * (calls.end + 1);
  // It is needed until the process ends.
  const arena = Arena.plain(libc, lines + NUMBER);
  const at = arena.take(lines);
  const encoder = new TextEncoder();
  for (let number = 0; number <= calls.end; number++) {
    const name = calls.nameOf(number) ?? (number === calls.end ? "unknown" : `number_${number}`);
    const place = at + LINE * number;
    const text = encoder.encode(line(name)).subarray(0, LINE - 2);
    arena.u16[place >> 1] = text.length;
    arena.u8.set(text, place + 2);
  }
  const handler = runnable(libc, codeFor().lastWords, {
    end: calls.end,
    number: arena.address(arena.take(NUMBER)),
    lines: arena.address(at),
    file: file ?? NONE,
    log,
    status: STATUS,
  });
  return () => void libc.call.signal(SIGSYS, handler);
}
