/**
 * Linux constants and structure layouts for LP64 little-endian (x86-64, aarch64), as data.
 *
 * Names are C's. `SIZEOF_X` is `sizeof(struct x)`, `X_FIELD_AT` is the offset of a field from the
 * start of its structure. Only values that are the same on both architectures are here.
 * `test/runtime/layout_test.ts` compares every one with what a C compiler says.
 *
 * By subject: files and threads here; the rest in the files re-exported below.
 */
export * from "./linux_bpf.ts";
export * from "./linux_errno.ts";
export * from "./linux_netlink.ts";
export * from "./linux_socket.ts";
export * from "./linux_tun.ts";

// <fcntl.h>
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0x40;
export const O_EXCL = 0x80;
export const O_TRUNC = 0x200;
export const O_APPEND = 0x400;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const FD_CLOEXEC = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;

// struct pollfd, <poll.h>
export const SIZEOF_POLLFD = 8;
export const POLLFD_FD_AT = 0;
export const POLLFD_EVENTS_AT = 4;
export const POLLFD_REVENTS_AT = 6;
export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;

// struct timespec and clocks, <time.h>
export const SIZEOF_TIMESPEC = 16;
export const TIMESPEC_SEC_AT = 0;
export const TIMESPEC_NSEC_AT = 8;
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;

// struct iovec, <sys/uio.h>
export const SIZEOF_IOVEC = 16;
export const IOVEC_BASE_AT = 0;
export const IOVEC_LEN_AT = 8;

// <sys/eventfd.h>: the counter that is read and written is a uint64_t
export const EFD_SEMAPHORE = 1;
export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;
export const SIZEOF_EVENTFD_T = 8;

// <sys/random.h>
export const GRND_NONBLOCK = 1;

// <syslog.h>: options of openlog(), facilities and levels of syslog()
export const LOG_PID = 1;
export const LOG_CONS = 2;
export const LOG_NDELAY = 8;
export const LOG_EMERG = 0;
export const LOG_ALERT = 1;
export const LOG_CRIT = 2;
export const LOG_ERR = 3;
export const LOG_WARNING = 4;
export const LOG_NOTICE = 5;
export const LOG_INFO = 6;
export const LOG_DEBUG = 7;
export const LOG_KERN = 0;
export const LOG_USER = 1 << 3;
export const LOG_DAEMON = 3 << 3;
export const LOG_LOCAL0 = 16 << 3;
export const LOG_LOCAL1 = 17 << 3;
export const LOG_LOCAL2 = 18 << 3;
export const LOG_LOCAL3 = 19 << 3;
export const LOG_LOCAL4 = 20 << 3;
export const LOG_LOCAL5 = 21 << 3;
export const LOG_LOCAL6 = 22 << 3;
export const LOG_LOCAL7 = 23 << 3;

// <linux/capability.h>: bit numbers, also those of CapEff in /proc/self/status
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

// <linux/prctl.h>
export const PR_SET_PDEATHSIG = 1;
export const PR_SET_DUMPABLE = 4;
export const PR_SET_KEEPCAPS = 8;
export const PR_SET_NAME = 15;
export const PR_SET_NO_NEW_PRIVS = 38;
