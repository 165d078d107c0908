import process from "node:process";
import { Arena } from "../arena.ts";
import { check } from "../errors.ts";
import type { Libc } from "../libc.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  SIZEOF_TIMESPEC,
  SYS_CLOCK_GETTIME,
  TIMESPEC_NSEC_AT,
  TIMESPEC_SEC_AT,
} from "./mod.ts";

/** Milliseconds since the machine was booted, sleep included. @throws SyscallError */
export const bootTime = (libc: Libc): number => readClock(libc, CLOCK_BOOTTIME, "CLOCK_BOOTTIME");

/** Milliseconds that the machine has run for, without sleep. @throws SyscallError */
export const monotonicTime = (libc: Libc): number =>
  readClock(libc, CLOCK_MONOTONIC, "CLOCK_MONOTONIC");

/** clock_gettime(2) */
function readClock(libc: Libc, clock: number, name: string): number {
  const arena = new Arena(libc, SIZEOF_TIMESPEC);
  try {
    const at = arena.take(SIZEOF_TIMESPEC);
    const number = SYS_CLOCK_GETTIME[process.arch]!;
    const result = libc.call.syscall(number, clock, arena.address(at), 0);
    check(libc, result, "clock_gettime", name);
    return arena.readU64(at + TIMESPEC_SEC_AT) * 1e3 + arena.readU64(at + TIMESPEC_NSEC_AT) / 1e6;
  } finally {
    arena.close();
  }
}
