/**
 * Linux constants and structure layouts for LP64 little-endian (x86-64, aarch64), as data.
 *
 * Names are C's. `SIZEOF_X` is `sizeof(struct x)`, `X_FIELD_AT` is the offset of a field from the
 * start of its structure. Only values that are the same on both architectures are here.
 * `test/runtime/layout_test.ts` compares every one with what a C compiler says.
 *
 * By subject: files and threads here; the rest in the files re-exported below, and what every kernel
 * has in common in `posix.ts`.
 */
export * from "../posix.ts";
export * from "./bpf.ts";
export * from "./errno.ts";
export * from "./landlock.ts";
export * from "./netfilter.ts";
export * from "./netlink.ts";
export * from "./seccomp.ts";
export * from "./socket.ts";
export * from "./tun.ts";
export * from "./xfrm.ts";

// <fcntl.h>
export const O_CREAT = 0x40;
export const O_EXCL = 0x80;
export const O_TRUNC = 0x200;
export const O_APPEND = 0x400;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;

// <sys/ioctl.h>: has a descriptor closed by exec(3)
export const FIOCLEX = 0x5451;
// <asm/ioctls.h>, <fcntl.h>: whether a descriptor gives SIGIO, and to whom
export const FIOASYNC = 0x5452;
export const F_SETOWN = 8;

/** Number of dup3(2), by what `process.arch` says. */
export const SYS_DUP3: Readonly<Record<string, number>> = { x64: 292, arm64: 24 };
/** Number of clock_gettime(2), likewise. */
export const SYS_CLOCK_GETTIME: Readonly<Record<string, number>> = { x64: 228, arm64: 113 };

/** To look at a path, and do nothing else with what is there. */
export const O_PATH = 0x200000;

// <signal.h>: the first of those that programs share out among themselves is glibc's, musl's is 35
export const SIGSTKFLT = 16;
export const SIGPWR = 30;
export const SIGSYS = 31;
export const SIGRTMIN = 34;
export const SIGRTMAX = 64;
export const SIG_IGN = 1;

// <time.h>
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

// <linux/capability.h>: bit numbers, also those of CapEff in /proc/self/status
export const CAP_DAC_OVERRIDE = 1;
export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_SETPCAP = 8;
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_ADMIN = 12;
export const CAP_NET_RAW = 13;
export const CAP_IPC_LOCK = 14;
export const CAP_SYS_CHROOT = 18;
export const CAP_SYS_ADMIN = 21;
export const CAP_SYS_NICE = 23;
export const CAP_BPF = 39;
export const _LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;
/** struct __user_cap_header_struct; two of struct __user_cap_data_struct follow in their own place. */
export const SIZEOF_USER_CAP_HEADER = 8;
export const USER_CAP_HEADER_VERSION_AT = 0;
export const SIZEOF_USER_CAP_DATA = 12;
export const USER_CAP_DATA_EFFECTIVE_AT = 0;
export const USER_CAP_DATA_PERMITTED_AT = 4;

// <linux/prctl.h>
export const PR_SET_PDEATHSIG = 1;
export const PR_SET_DUMPABLE = 4;
export const PR_SET_KEEPCAPS = 8;
export const PR_SET_NAME = 15;
export const PR_GET_NAME = 16;
export const PR_CAPBSET_READ = 23;
export const PR_CAPBSET_DROP = 24;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_GET_NO_NEW_PRIVS = 39;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** Gives memory a name, for people who list it. */
export const PR_SET_VMA = 0x5356_4d41;
