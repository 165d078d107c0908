import process from "node:process";
import type { Libc } from "../libc.ts";
import { O_CLOEXEC, SYS_DUP3 } from "./mod.ts";

/** Has descriptor `onto` mean what `fd` means, in one step: dup3(2). @returns -1 when it failed */
export function dup3(libc: Libc, fd: number, onto: number): number {
  return libc.call.syscall(SYS_DUP3[process.arch]!, fd, onto, O_CLOEXEC, 0);
}
