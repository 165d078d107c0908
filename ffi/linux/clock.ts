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

/** Where the kernel writes: one for all readings, for memory of its own costs each more than the call. */
const places = new WeakMap<Libc, Arena>();
const TIMESPEC_AT = 0;

function placeOf(libc: Libc): Arena {
  const known = places.get(libc);
  if (known !== undefined) return known;
  const arena = Arena.plain(libc, SIZEOF_TIMESPEC);
  places.set(libc, arena);
  return arena;
}

/** clock_gettime(2) */
function readClock(libc: Libc, clock: number, name: string): number {
  const place = placeOf(libc);
  const number = SYS_CLOCK_GETTIME[process.arch]!;
  const result = libc.call.syscall(number, clock, place.address(TIMESPEC_AT), 0, 0);
  check(libc, result, "clock_gettime", name);
  const seconds = place.readU64(TIMESPEC_AT + TIMESPEC_SEC_AT);
  return seconds * 1e3 + place.readU64(TIMESPEC_AT + TIMESPEC_NSEC_AT) / 1e6;
}
