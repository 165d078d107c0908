import type { Layout } from "#ffi/layout.ts";
import {
  type Calls,
  callsOf,
  type FunctionName,
  LIBC,
  type Libc,
  type LibcNames,
} from "#ffi/libc.ts";
import { callsTo } from "./calls.ts";
import { Errno, UnknownCall } from "./errno.ts";
import type { PaperKernel } from "./kernel.ts";
import type { CommandResult } from "./system.ts";
import { type Outcome, Transcript } from "./transcript.ts";

/**
 * A libc whose kernel is {@link PaperKernel}: plain TypeScript, that runs anywhere. Each call is
 * written down in {@link transcript}.
 *
 * Check {@link faults} at the end: what the program did that the model cannot answer.
 */
export class PaperLibc implements Libc {
  readonly layout: Layout;
  readonly call: Calls<typeof LIBC>;
  readonly transcript: Transcript;
  readonly kernel: PaperKernel;
  readonly #unknown: string[] = [];
  #errno = 0;

  constructor(kernel: PaperKernel) {
    const { system, memory } = kernel;
    this.kernel = kernel;
    this.layout = system.layout;
    this.transcript = new Transcript(system.layout, system.vocabulary, memory);
    const functions = callsTo(kernel);
    this.call = recorded(system.names, (name, args) => {
      const make = () => this.#guard(() => functions[name](...args));
      const { result, errno } = this.transcript.call(name, args, make);
      if (result === -1) this.#errno = errno;
      return result;
    });
  }

  has(name: FunctionName): boolean {
    return !this.kernel.system.names.missing.includes(name);
  }

  errno(): number {
    return this.#errno;
  }

  addressOf(bytes: Uint8Array<ArrayBuffer>): number {
    return this.kernel.memory.place(bytes);
  }

  /** What the program has that for: commands of the system. */
  readonly run = (argv: readonly string[]): CommandResult => {
    const { system } = this.kernel;
    return this.transcript.run(argv, () => {
      const result = system.run?.(this.kernel, argv);
      if (result !== undefined) return result;
      throw this.#note(new UnknownCall(`the command ${argv.join(" ")}`));
    });
  };

  /** Accesses to what is no memory, and what the model does not know. */
  get faults(): readonly string[] {
    return [...this.#unknown, ...this.kernel.memory.faults];
  }

  /** What the kernel answers; what it has no answer to ends the test. */
  #guard(make: () => number): Outcome {
    try {
      return { result: make(), errno: 0 };
    } catch (error) {
      if (error instanceof Errno) return { result: -1, errno: error.errno };
      throw error instanceof UnknownCall ? this.#note(error) : error;
    }
  }

  #note(error: UnknownCall): UnknownCall {
    if (!this.#unknown.includes(error.message)) this.#unknown.push(error.message);
    return error;
  }
}

/** A libc's functions, each of which is `make`, given its name and arguments. */
export function recorded(
  names: LibcNames,
  make: (name: FunctionName, args: number[]) => number,
): Calls<typeof LIBC> {
  const found = Object.keys(LIBC).map((key) => {
    const name = key as FunctionName;
    return [names.symbols[name] ?? name, (...args: number[]) => make(name, args)];
  });
  return callsOf(names, Object.fromEntries(found));
}
