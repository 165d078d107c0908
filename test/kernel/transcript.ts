import { errnoName, type Layout } from "#ffi/layout.ts";
import type { FunctionName } from "#ffi/libc.ts";
import { POLLFD_EVENTS_AT, POLLIN } from "#ffi/posix.ts";
import { describe, type Description, type Reader } from "./describe.ts";
import { Descriptors } from "./descriptors.ts";
import { Errno } from "./errno.ts";
import type { Memory } from "./memory.ts";
import type { CommandResult } from "./system.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A failure to put in the place of what the kernel would answer. The call is then not made. */
export interface Injection {
  /** Undefined: any. `run`: a command, which ends with status 1. */
  readonly call?: FunctionName | "run" | undefined;
  /** Given the call as text, without its answer. */
  match?(given: string): boolean;
  readonly errno: number;
  /** Default 1. */
  readonly times?: number;
  /** Calls of these that are let through before. */
  readonly after?: number;
}

/** The process has died, as by SIGKILL: nothing it would still do is done. */
export class Death extends Error {}

/** What a call came to. */
export interface Outcome {
  readonly result: number;
  /** Where the result is a failure. */
  readonly errno: number;
}

/**
 * Every call of a process, one readable line each, whichever kernel it is made to:
 *
 *     open("/dev/net/tun", O_RDWR|O_NONBLOCK|O_CLOEXEC) = tun
 *     bind(udp, 192.0.2.1:3545) = -1 EADDRINUSE
 *
 * Failures can be put between the process and its kernel.
 */
export class Transcript {
  readonly lines: string[] = [];
  readonly descriptors: Descriptors = new Descriptors();
  /** The lines of those calls that failed because the test wants it. */
  readonly injected: string[] = [];
  /** Calls so far, those of {@link inject}ed failures too. */
  calls = 0;
  /** Calls that the process has left to live; it dies before the next one. */
  lifetime = Infinity;
  /** Milliseconds: time passes only while poll() waits for nothing. */
  now = 1_000_000;
  /** What the next poll() for something to read is to find, if it is real: it waits for all of it. */
  expected: readonly string[] = [];
  /** Runs before each poll() for something to read: the test's turn. */
  beforePoll: (() => void) | undefined;
  readonly #reader: Reader;
  readonly #injections: { injection: Injection; seen: number }[] = [];

  constructor(layout: Layout, words: Vocabulary, memory: Memory) {
    this.#reader = { layout, words, memory, descriptors: this.descriptors };
  }

  inject(injection: Injection): void {
    this.#injections.push({ injection, seen: 0 });
  }

  /** Writes down something that is no call: a line of its own. */
  note(text: string): void {
    this.lines.push(`-- ${text}`);
  }

  /**
   * Has a call made and writes it down.
   *
   * @param make makes it; a result of -1 is a failure
   */
  call(name: FunctionName, args: number[], make: () => Outcome): Outcome {
    this.#live();
    if (name === "poll" && this.waitsForInput(args)) this.beforePoll?.();
    const { given, answer } = this.#describe(name, args);
    const errno = this.#injected(name, given);
    if (errno !== undefined) return this.#fail(name, args, given, errno, make);
    const outcome = make();
    const { result } = outcome;
    if (name === "poll" && result === 0) this.now += args[2]!;
    if (result === -1) this.#write(`${name}(${given}) = -1 ${this.#symbol(outcome.errno)}`);
    else this.#write(`${name}(${given}) = ${answer?.(result) ?? String(result)}`);
    return outcome;
  }

  /** A failure that the test wants. */
  #fail(
    name: FunctionName,
    [first]: number[],
    given: string,
    errno: number,
    make: () => Outcome,
  ): Outcome {
    // However it fails, the descriptor is gone. close(2)
    if (name === "close") {
      make();
      this.descriptors.closed(first!);
    }
    const result = name.startsWith("if_") ? 0 : -1;
    this.#writeInjected(`${name}(${given}) = ${result} ${this.#symbol(errno)}`);
    return { result, errno };
  }

  #writeInjected(line: string): void {
    this.injected.push(line);
    this.#write(line);
  }

  /** The same for a command of the system. */
  run(argv: readonly string[], make: () => CommandResult): CommandResult {
    this.#live();
    const given = argv.join(" ");
    const errno = this.#injected("run", given);
    const result = errno === undefined
      ? make()
      : { status: 1, stdout: "", stderr: `${argv[0]}: ${this.#symbol(errno)}\n` };
    const said = `${result.stdout}${result.stderr}`.trim();
    const line = `run(${given}) = ${result.status}${said === "" ? "" : ` ${JSON.stringify(said)}`}`;
    if (errno === undefined) this.#write(line);
    else this.#writeInjected(line);
    return result;
  }

  /** Whether arguments of poll() ask for something to read. */
  waitsForInput([fds, count]: number[]): boolean {
    const { memory } = this.#reader;
    return Array.from({ length: count! }, (_, i) => fds! + 8 * i)
      .some((at) => (memory.dataView(at + POLLFD_EVENTS_AT, 2).getUint16(0, true) & POLLIN) !== 0);
  }

  /** A call whose arguments lead nowhere is written as it is: the kernel will say EFAULT. */
  #describe(name: FunctionName, args: number[]): Description {
    try {
      return describe(this.#reader, name, args);
    } catch (error) {
      if (error instanceof Errno) return { given: args.join(", ") };
      throw error;
    }
  }

  /** @throws Death */
  #live(): void {
    if (this.lifetime-- <= 0) throw new Death();
    this.calls += 1;
  }

  /** An errno to fail with, if one was asked for. */
  #injected(name: FunctionName | "run", given: string): number | undefined {
    for (const entry of this.#injections) {
      const { call, match, errno, times = 1, after = 0 } = entry.injection;
      if (call !== undefined && call !== name) continue;
      if (match !== undefined && !match(given)) continue;
      entry.seen += 1;
      if (entry.seen > after && entry.seen <= after + times) return errno;
    }
    return undefined;
  }

  /**
   * A list comes in as many pieces as its kernel likes, and in any order: those of one answer are one
   * line, with entries in the order of their text.
   */
  #write(line: string): void {
    const head = /^recv\((netlink\d*), [^)]*\) = (?!-1)/.exec(line)?.[0];
    if (head === undefined) return void this.lines.push(line);
    const earlier = this.lines.at(-1)?.startsWith(head) === true ? this.lines.pop()! : head;
    const all = `${earlier} ${line.slice(head.length)}`.slice(head.length);
    const entries = all.match(/\{[^}]*\}/g) ?? [];
    const rest = all.replace(/\{[^}]*\}/g, "").trim();
    this.lines.push(`${head}${[...entries.sort(), rest].join(" ")}`);
  }

  #symbol(errno: number): string {
    return errnoName(this.#reader.layout, errno).replace(/ \(.*/, "");
  }
}
