import { errnoName } from "./layout.ts";
import type { Libc } from "./libc.ts";

/** A system call that failed while setting something up; never raised per packet. */
export class SyscallError extends Error {
  readonly code = "ERR_SYSCALL";
  readonly syscall: string;
  /** The kernel's number, e.g. 1 for EPERM. */
  readonly errno: number;

  /**
   * @param about what it was called for, e.g. `192.0.2.1:3545`
   * @param name what the number means to the kernel that gave it
   */
  constructor(syscall: string, about: string, errno: number, name: string) {
    super(`${syscall}(${about}): ${name}`);
    this.name = "SyscallError";
    this.syscall = syscall;
    this.errno = errno;
  }
}

/** The error of a call that just failed, or whose `errno` was kept. */
export function failure(
  libc: Libc,
  syscall: string,
  about: string,
  errno: number = libc.errno(),
): SyscallError {
  return new SyscallError(syscall, about, errno, errnoName(libc.layout, errno));
}

/**
 * What `ask` returns, or undefined where it failed with one of the `expected` errnos: the state that it
 * was to bring about is there already, or what it asks for is not.
 */
export function unless<T>(expected: readonly number[], ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SyscallError && expected.includes(error.errno)) return undefined;
    throw error;
  }
}

/**
 * Passes a call's result on unless it is the -1 of a failure. Only while setting something up.
 *
 * No other call may come between the one checked and this, or errno is lost.
 *
 * @throws SyscallError such as `bind(192.0.2.1:3545): EADDRINUSE (Address already in use)`
 */
export function check(libc: Libc, result: number, syscall: string, about: string): number {
  if (result !== -1) return result;
  throw failure(libc, syscall, about);
}
