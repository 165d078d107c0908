import { readdirSync, readlinkSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import {
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_GET_ACTION_AVAIL,
  SECCOMP_RET_TRAP,
  SECCOMP_SET_MODE_FILTER,
  SIZEOF_SOCK_FPROG,
  SOCK_FPROG_FILTER_AT,
  SOCK_FPROG_LEN_AT,
} from "#ffi/linux/mod.ts";
import { assembleClassic, type Program } from "#src/datapath/linux/filter_code.ts";

const ARENA = 64 * 1024;

/** Why the kernel filters no system calls; undefined: it does. */
export function seccompProblem(libc: Libc): string | undefined {
  const arena = Arena.plain(libc, 4096);
  try {
    const at = arena.take(4);
    arena.u32[at >> 2] = SECCOMP_RET_TRAP;
    return seccomp(libc, SECCOMP_GET_ACTION_AVAIL, 0, arena.address(at)) === 0
      ? undefined
      : refusal(libc);
  } finally {
    arena.close();
  }
}

const RING = "anon_inode:[io_uring]";

/**
 * Why a filter would be of no use to this process: what it asks by an io_uring passes filters by, and a
 * runtime that has one from its start goes on by it. Before the root directory is changed.
 */
export function ringProblem(): string | undefined {
  const folder = "/proc/self/fd";
  const has = readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === RING);
  return has ? "the runtime works by an io_uring, which passes filters by" : undefined;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the one that was open for the listing
  }
}

/** Has the kernel filter the calls of all threads from here on. @returns why not; undefined: it does */
export function installFilter(libc: Libc, program: Program): string | undefined {
  const arena = Arena.plain(libc, ARENA);
  try {
    const code = assembleClassic(arena, program);
    const at = arena.take(SIZEOF_SOCK_FPROG);
    arena.u16[(at + SOCK_FPROG_LEN_AT) >> 1] = code.count;
    arena.writeU64(at + SOCK_FPROG_FILTER_AT, arena.address(code.at));
    const flags = SECCOMP_FILTER_FLAG_TSYNC;
    const done = seccomp(libc, SECCOMP_SET_MODE_FILTER, flags, arena.address(at));
    if (done === 0) return undefined;
    // The number of a thread that has another filter, of its own.
    return done > 0 ? `thread ${done} has a filter of its own` : refusal(libc);
  } finally {
    arena.close();
  }
}

function refusal(libc: Libc): string {
  return `the kernel filters no system calls: ${errnoName(libc.layout, libc.errno())}`;
}

function seccomp(libc: Libc, operation: number, flags: number, at: number): number {
  return libc.call.syscall(callsOf().numberOf("seccomp")!, operation, flags, at, 0);
}
