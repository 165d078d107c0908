import { readFileSync } from "node:fs";

/** Of glibc since 2.34, and before. */
const GLIBC = /\/libc(\.so\.6|-2\.\d+\.so)$/m;

/**
 * Whether the C library of this process signals its own threads by tkill(2), as musl does, and not by
 * tgkill(2). Where it is not known it may.
 *
 * @param maps as the kernel tells of the files in memory. proc_pid_maps(5)
 * @throws Error of `node:fs`: there is no /proc
 */
export function tkills(maps: string = readFileSync("/proc/self/maps", "utf8")): boolean {
  return !GLIBC.test(maps);
}
