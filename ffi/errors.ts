/** A system call that failed while setting something up; never raised per packet. */
export class SyscallError extends Error {
  readonly code = "ERR_SYSCALL";
  readonly syscall: string;
  /** The kernel's number, e.g. 1 for EPERM. */
  readonly errno: number;

  constructor(syscall: string, about: string, errno: number, errnoName: string) {
    super(`${syscall}(${about}): ${errnoName}`);
    this.name = "SyscallError";
    this.syscall = syscall;
    this.errno = errno;
  }
}
