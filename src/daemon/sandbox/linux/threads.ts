import { closeSync, constants, openSync, readFileSync } from "node:fs";
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { codeFor, runnable } from "#ffi/linux/code/mod.ts";
import { SIG_IGN, SIGSYS } from "#ffi/linux/mod.ts";
import type { Millis } from "#src/protocol/time.ts";
import { hasSignal } from "../../host/linux/proc.ts";

/** A system call by its name, with up to four numbers. */
export type Call = readonly [name: string, ...numbers: number[]];

/** What came of calls that every thread was to make. */
export interface Made {
  /** Threads there were, and those that have made the calls. */
  readonly threads: number;
  readonly reached: number;
  /** Of each call, on how many threads it has failed. */
  readonly failed: readonly number[];
}

/** Bytes of a row, and where it counts failures; see `Code.onEachThread`. */
const ROW = 48;
const FAILED_AT = 40;
const END = 0xffff_ffff;
/** Calls at once, and threads that are told apart. */
const MOST_CALLS = 64;
const MOST_THREADS = 4_096;
const LISTING = 32_768;
/**
 * One that sleeps in the kernel wakes for it; one that runs comes to it at once, or as soon as the machine
 * lets it. Those that never hear are told apart, and not waited for.
 */
const PATIENCE: Millis = 30_000;
/** The same under another root, where nothing tells them apart. */
const BLIND_PATIENCE: Millis = 3_000;
/** One that begins or ends blocks all signals for a moment; one that sleeps so for longer does so for good. */
const DEAF_FOR: Millis = 200;
/** Of threads that begin meanwhile. */
const ROUNDS = 16;
/** Of the few that a thread which blocks what it can leaves alone, the one that nobody else sends. */
const SIGNAL = SIGSYS;

// struct linux_dirent64, getdents64(2)
const DIRENT_RECLEN_AT = 16;
const DIRENT_NAME_AT = 19;

/**
 * Has every thread of the process make the same system calls, as a C library does for setuid(2): the
 * kernel keeps capabilities and Landlock for each thread, and a runtime has threads before any of ours
 * runs. A signal brings each of them to a few instructions that make the calls.
 */
export class EachThread {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #calls = callsOf();
  readonly #tasks: number;
  readonly #table: number;
  readonly #done: number;
  readonly #listing: number;
  readonly #handler: number;
  /** Threads that block the signal for good, and are not waited for again. */
  readonly #deaf = new Set<number>();
  /** Since when each that hears nothing has been seen so. */
  readonly #deafSince = new Map<number, Millis>();

  /** While /proc is in reach. @throws SyscallError, Error of `node:fs` */
  constructor(libc: Libc) {
    this.#libc = libc;
    this.#arena = Arena.plain(libc, 2 * LISTING + ROW * MOST_CALLS + 4 * MOST_THREADS);
    this.#table = this.#arena.take(ROW * (MOST_CALLS + 1));
    this.#done = this.#arena.take(4 * (MOST_THREADS + 1));
    this.#listing = this.#arena.take(LISTING);
    this.#tasks = openSync("/proc/self/task", constants.O_RDONLY | constants.O_DIRECTORY);
    this.#handler = runnable(libc, codeFor().onEachThread, {
      table: this.#arena.address(this.#table),
      done: this.#arena.address(this.#done),
      room: MOST_THREADS,
    });
  }

  /** Waits for the threads, a moment as a rule. */
  make(calls: readonly Call[]): Made {
    this.#write(calls);
    const { call } = this.#libc;
    call.signal(SIGNAL, this.#handler);
    const { threads, reached } = this.#sendToAll();
    // What waits for a thread that could not be reached goes with it.
    call.signal(SIGNAL, SIG_IGN);
    const failed = calls.map((_, i) => this.#arena.u32[(this.#table + ROW * i + FAILED_AT) >> 2]!);
    // One that comes to the table now makes none of them: a filter that is there by then would end it all.
    this.#write([]);
    return { threads, reached, failed };
  }

  close(): void {
    closeSync(this.#tasks);
    // A thread that nothing has reached yet may still come to the table: it stays.
  }

  #write(calls: readonly Call[]): void {
    const { u32 } = this.#arena;
    calls.forEach(([name, ...numbers], i) => {
      const at = this.#table + ROW * i;
      this.#arena.writeU64(at, this.#calls.numberOf(name)!);
      for (let k = 0; k < 4; k++) this.#arena.writeU64(at + 8 * (k + 1), numbers[k] ?? 0);
      u32[(at + FAILED_AT) >> 2] = 0;
    });
    const end = this.#table + ROW * calls.length;
    u32[end >> 2] = END;
    u32[(end + 4) >> 2] = END;
    u32[this.#done >> 2] = 0;
  }

  #sendToAll(): { readonly threads: number; readonly reached: number } {
    const sent = new Set<number>(this.#deaf);
    const start = performance.now();
    for (let round = 0; round < ROUNDS;) {
      const fresh = this.#list().filter((thread) => !sent.has(thread));
      if (fresh.length === 0) break;
      const hearing = fresh.filter((thread) => !isDeaf(thread));
      if (hearing.length === 0) {
        const deaf = fresh.filter((thread) => this.#isDeafForGood(thread));
        for (const thread of deaf) {
          sent.add(thread);
          this.#deaf.add(thread);
        }
        if (deaf.length === 0) this.#libc.call.poll(0, 0, 1);
        continue;
      }
      for (const thread of hearing) {
        sent.add(thread);
        this.#syscall("tgkill", process.pid, thread, SIGNAL);
      }
      this.#await(sent, start);
      round++;
    }
    // Those that have ended meanwhile have no rights.
    const threads = this.#list();
    const reached = this.#reached();
    return { threads: threads.length, reached: threads.filter((it) => reached.has(it)).length };
  }

  #await(sent: ReadonlySet<number>, start: Millis): void {
    for (let age = 0; age < PATIENCE; age = performance.now() - start) {
      const reached = this.#reached();
      const awaited = this.#list().filter((thread) =>
        sent.has(thread) && !reached.has(thread) && !this.#deaf.has(thread)
      );
      const deaf = awaited.filter((thread) => this.#isDeafForGood(thread));
      for (const thread of deaf) this.#deaf.add(thread);
      if (deaf.length === awaited.length) return;
      if (age >= BLIND_PATIENCE && !awaited.some(isSeen)) return;
      this.#libc.call.poll(0, 0, 1);
    }
  }

  /** One that begins or ends is so for a moment, between two looks of which it has mostly gone on. */
  #isDeafForGood(thread: number): boolean {
    if (!isDeaf(thread)) {
      this.#deafSince.delete(thread);
      return false;
    }
    const now = performance.now();
    const since = this.#deafSince.get(thread) ?? now;
    this.#deafSince.set(thread, since);
    return now - since >= DEAF_FOR;
  }

  #reached(): ReadonlySet<number> {
    const at = this.#done >> 2;
    const count = Math.min(this.#arena.u32[at]!, MOST_THREADS);
    return new Set(this.#arena.u32.subarray(at + 1, at + 1 + count));
  }

  /** Numbers of all threads, by a descriptor that is of use under any root directory. */
  #list(): number[] {
    const { u8, u16 } = this.#arena;
    const threads: number[] = [];
    this.#syscall("lseek", this.#tasks, 0, 0);
    for (;;) {
      const place = this.#arena.address(this.#listing);
      const length = this.#syscall("getdents64", this.#tasks, place, LISTING);
      check(this.#libc, length, "getdents64", "/proc/self/task");
      if (length === 0) return threads;
      for (let at = this.#listing; at < this.#listing + length;) {
        const size = u16[(at + DIRENT_RECLEN_AT) >> 1]!;
        const name = new TextDecoder().decode(u8.subarray(at + DIRENT_NAME_AT, at + size));
        const thread = Number.parseInt(name, 10);
        if (thread > 0) threads.push(thread);
        at += size;
      }
    }
  }

  #syscall(name: string, a: number, b: number, c: number): number {
    return this.#libc.call.syscall(this.#calls.numberOf(name)!, a, b, c, 0);
  }
}

/**
 * Whether a thread blocks the signal and sleeps, as some do with all there are: one that only begins or
 * ends wants a processor. Not known under another root.
 */
function isDeaf(thread: number): boolean {
  const status = statusOf(thread);
  return status !== undefined && /^State:\s+[SD]/m.test(status) &&
    hasSignal(status, "SigBlk", SIGNAL);
}

function isSeen(thread: number): boolean {
  return statusOf(thread) !== undefined;
}

/** Undefined: it has ended, or /proc is not in reach. */
function statusOf(thread: number): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${thread}/status`, "utf8");
  } catch {
    return undefined;
  }
}
