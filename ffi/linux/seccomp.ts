/** Filters of system calls: seccomp(2). */

// <linux/seccomp.h>: operations, flags, and what becomes of a call
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_GET_ACTION_AVAIL = 2;
/** All threads of the process, or, if one has other filters, none. */
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
/** The thread gets SIGSYS, and the call is not made. */
export const SECCOMP_RET_TRAP = 0x0003_0000;
/** Added to an errno. */
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_LOG = 0x7ffc_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;

// struct seccomp_data: what a filter reads
export const SECCOMP_DATA_NR_AT = 0;
export const SECCOMP_DATA_ARCH_AT = 4;
export const SECCOMP_DATA_ARGS_AT = 16;

/** <linux/audit.h>, by what `process.arch` says. */
export const AUDIT_ARCH: Readonly<Record<string, number>> = {
  x64: 0xc000_003e,
  arm64: 0xc000_00b7,
};
