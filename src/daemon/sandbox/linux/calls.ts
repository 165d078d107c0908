import {
  AF_INET,
  AF_NETLINK,
  AF_UNIX,
  BPF_LINK_CREATE,
  BPF_LINK_UPDATE,
  BPF_MAP_CREATE,
  BPF_MAP_DELETE_ELEM,
  BPF_MAP_LOOKUP_BATCH,
  BPF_MAP_LOOKUP_ELEM,
  BPF_MAP_UPDATE_ELEM,
  BPF_PROG_LOAD,
  EACCES,
  EINVAL,
  ENOSYS,
  EPERM,
  F_SETOWN,
  FIOASYNC,
  FIOCLEX,
  MAP_SHARED,
  MSG_FASTOPEN,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  NETLINK_XFRM,
  O_CREAT,
  PR_CAPBSET_READ,
  PR_GET_NAME,
  PR_GET_NO_NEW_PRIVS,
  PR_SET_NAME,
  PR_SET_VMA,
  PROT_EXEC,
  SIGSYS,
  SOCK_DGRAM,
  SOCK_STREAM,
  TUNGETIFF,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETSTEERINGEBPF,
  TUNSETVNETHDRSZ,
} from "#ffi/linux/mod.ts";

/** System calls that a process may make as they come. */
export interface Group {
  readonly what: string;
  /** With blanks between. */
  readonly calls: string;
}

/** A test of one argument, of which the lower 32 bits count: `(argument & mask)` is one of the values. */
export interface Condition {
  readonly argument: number;
  readonly mask?: number;
  readonly values: readonly number[];
}

/** A system call that may be made with some arguments only. */
export interface Argued {
  readonly call: string;
  /** Which; completes "only". */
  readonly only: string;
  /** It may be made where all conditions of one row hold. */
  readonly when: readonly (readonly Condition[])[];
  /** Arguments that a library tries, and takes a refusal of. */
  readonly tried?: { readonly when: readonly Condition[]; readonly errno: number };
  /** What it gets otherwise: an errno; undefined: it is a violation. */
  readonly errno?: number;
}

/** A system call that is answered with an errno, as by a kernel that does not have it. */
export interface Answered {
  readonly call: string;
  readonly errno: number;
  readonly why: string;
}

/** What one process may ask of the kernel; anything else ends it. */
export interface Profile {
  /** What is asked for each packet: looked at first. Of some of these arguments count: see `argued`. */
  readonly first: string;
  readonly groups: readonly Group[];
  readonly argued: readonly Argued[];
  readonly answered: readonly Answered[];
}

export interface ProfileNeeds {
  /** The process itself, and others that it may send a signal to. */
  readonly pid: number;
  readonly helpers?: readonly number[];
  readonly remakes: boolean;
  readonly reprograms: boolean;
  /** Whether the C library sends signals to its own threads by tkill(2), as musl does. */
  readonly tkills?: boolean;
}

const FIRST = "recvmmsg sendmmsg read write poll ppoll futex epoll_pwait epoll_pwait2 epoll_wait " +
  "clock_gettime recvfrom sendto recvmsg sendmsg";

const MEMORY: Group = {
  what: "memory: the garbage collector's, and the compiler's that works at run time",
  calls:
    "brk munmap mremap mprotect pkey_alloc pkey_free pkey_mprotect madvise mincore mlock munlock " +
    "mlock2 msync membarrier memfd_create get_mempolicy mbind",
};
const THREADS: Group = {
  what: "threads: their start, their end, and who runs when",
  calls:
    "set_tid_address set_robust_list get_robust_list rseq gettid exit exit_group sched_yield " +
    "sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler sched_setscheduler " +
    "sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min getpriority setpriority arch_prctl futex_waitv " +
    "getcpu restart_syscall",
};
const SIGNALS: Group = {
  what: "signals among one's own threads",
  calls:
    "rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait sigaltstack pause " +
    "signalfd signalfd4",
};
/** It names no process, so that no filter tells whose thread it is. */
const TKILL: Group = {
  what: "signals among one's own threads, where the C library is musl",
  calls: "tkill",
};
const signals = (tkills = false): Group[] => tkills ? [SIGNALS, TKILL] : [SIGNALS];
const TIME: Group = {
  what: "time",
  calls: "nanosleep clock_nanosleep clock_getres gettimeofday time times timerfd_create " +
    "timerfd_settime timerfd_gettime timer_create timer_settime timer_gettime timer_getoverrun timer_delete " +
    "getitimer setitimer",
};
const WAITING: Group = {
  what: "waiting for descriptors",
  calls: "epoll_create epoll_create1 epoll_ctl eventfd eventfd2 select pselect6 pipe pipe2",
};
const FILES: Group = {
  what: "files; Landlock says which",
  calls: "close close_range lseek pread64 pwrite64 readv writev preadv pwritev preadv2 " +
    "pwritev2 stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink " +
    "readlinkat getdents64 getcwd dup dup2 dup3 fadvise64",
};
/** Also rmdir(2), which Landlock refuses where it is there: who ends tries it, and goes on without. */
const CHANGES: Group = {
  what: "changes of files, for what is left to the next daemon, and removed at the end",
  calls:
    "flock fsync fdatasync ftruncate fallocate unlink unlinkat rmdir umask copy_file_range sendfile",
};
const SOCKETS: Group = {
  what: "sockets that are there",
  calls:
    "accept accept4 bind connect listen shutdown getsockname getpeername getsockopt setsockopt",
};
const ITSELF: Group = {
  what: "what the process is, and what the system",
  calls:
    "getpid getppid getuid geteuid getgid getegid getgroups getresuid getresgid getpgrp getpgid " +
    "getsid capget getrlimit getrusage uname sysinfo getrandom wait4 waitid pidfd_open",
};

// Of Linux only, and named by no other part of this program.
/** <sched.h> */
const CLONE_THREAD = 0x1_0000;
/** <asm-generic/ioctls.h>; TCGETS2 is what a newer C library asks instead. */
const TCGETS = 0x5401;
const TCGETS2 = 0x802c_542a;
const TIOCGWINSZ = 0x5413;
const FIONREAD = 0x541b;
const FIONBIO = 0x5421;
const FIONCLEX = 0x5450;
/**
 * Requests about descriptors of any kind, and whether there is a signal when there is something to read.
 * Who gets that is told by fcntl(2), whose argument a filter sees.
 */
const DESCRIPTORS = [
  ...[TCGETS, TCGETS2, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC],
];
/**
 * <fcntl.h>: F_DUPFD to F_SETLKW, F_OFD_GETLK to F_OFD_SETLKW, F_DUPFD_CLOEXEC to F_GET_SEALS. Not F_SETSIG
 * and F_SETOWN_EX, by which any signal goes to anybody.
 */
const DESCRIPTOR_COMMANDS = [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032, 1033, 1034];
/** The bit of O_TMPFILE that is its own. <asm-generic/fcntl.h> */
const __O_TMPFILE = 0x40_0000;
/** S_ISUID and S_ISGID. <linux/stat.h> */
const OTHERS_RIGHTS = 0o6000;
/** <linux/sockios.h>: by which a C library turns names of interfaces into numbers, and back. */
const SIOCGIFINDEX = 0x8933;
const SIOCGIFNAME = 0x8910;
/** The bits of a socket's type that are no flags. <linux/net.h> */
const SOCK_TYPE_MASK = 0xf;
const AF_INET6 = 10;
const IPPROTO_UDP = 17;

/** How a C library looks for names, and a runtime for a newer version of itself: both do without. */
const LOOK_UP: NonNullable<Argued["tried"]> = {
  when: [
    { argument: 0, values: [AF_UNIX, AF_INET, AF_INET6] },
    { argument: 1, mask: SOCK_TYPE_MASK, values: [SOCK_STREAM, SOCK_DGRAM] },
  ],
  errno: EACCES,
};

const ANSWERED: readonly Answered[] = [
  {
    call: "clone3",
    errno: ENOSYS,
    why: "its flags are out of a filter's sight; `clone` comes then",
  },
  { call: "openat2", errno: ENOSYS, why: "`openat` comes then" },
  { call: "io_uring_setup", errno: ENOSYS, why: "its calls pass filters by; `epoll` comes then" },
  {
    call: "process_vm_readv",
    errno: EPERM,
    why: "a runtime that fails looks at its own memory so",
  },
  { call: "inotify_init1", errno: ENOSYS, why: "nobody watches files here" },
];

/** A message of TCP that opens the connection, past what Landlock forbids connect(2). */
const sends = (call: string, flagsAt: number): Argued => ({
  call,
  only: "not MSG_FASTOPEN, which connects",
  when: [[{ argument: flagsAt, mask: MSG_FASTOPEN, values: [0] }]],
});

/** Without a new file the mode may be anything. */
const opens = (call: string, flagsAt: number): Argued => ({
  call,
  only:
    "no new file with the rights of its owner or group for whoever runs it; Landlock says which",
  when: [
    [{ argument: flagsAt, mask: O_CREAT | __O_TMPFILE, values: [0] }],
    [{ argument: flagsAt + 1, mask: OTHERS_RIGHTS, values: [0] }],
  ],
});

const COMMON: readonly Argued[] = [
  sends("sendmmsg", 3),
  sends("sendto", 3),
  sends("sendmsg", 2),
  opens("openat", 2),
  opens("open", 1),
  {
    call: "mmap",
    only: "no memory that can be run and is shared",
    when: [
      [{ argument: 2, mask: PROT_EXEC, values: [0] }],
      [{ argument: 3, mask: MAP_SHARED, values: [0] }],
    ],
    errno: EACCES,
  },
  {
    call: "clone",
    only: "threads",
    when: [[{ argument: 0, mask: CLONE_THREAD, values: [CLONE_THREAD] }]],
  },
  {
    call: "prctl",
    only: "names of threads and of memory, and questions about rights",
    when: [[{
      argument: 0,
      values: [PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS],
    }]],
    errno: EINVAL,
  },
];

/** By the number of the process that asks. */
const ownOnly = (pid: number, others: readonly number[]): Argued[] => [
  { call: "tgkill", only: "its own threads", when: [[{ argument: 0, values: [pid] }]] },
  {
    call: "kill",
    only: others.length === 0 ? "itself" : "itself and its helpers",
    when: [[{ argument: 0, values: [pid, ...others] }]],
  },
  {
    call: "fcntl",
    only: "what a descriptor is, locks, and itself as who gets SIGIO of it",
    when: [
      [{ argument: 1, values: DESCRIPTOR_COMMANDS }],
      [{ argument: 1, values: [F_SETOWN] }, { argument: 2, values: [pid] }],
    ],
    errno: EPERM,
  },
  { call: "prlimit64", only: "itself", when: [[{ argument: 0, values: [0, pid] }]] },
  {
    call: "rt_sigaction",
    only: "not SIGSYS, by which a violation is told",
    when: [[{
      argument: 0,
      values: Array.from({ length: 64 }, (_, i) => i + 1).filter((signal) => signal !== SIGSYS),
    }]],
    errno: EINVAL,
  },
];

/** What a daemon that serves may still ask for. */
export function daemonCalls(needs: ProfileNeeds): Profile {
  const { pid, helpers = [], remakes, reprograms, tkills } = needs;
  const requests = [
    ...DESCRIPTORS,
    ...[SIOCGIFINDEX, SIOCGIFNAME, TUNGETIFF],
    ...(remakes ? [TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ, TUNSETSTEERINGEBPF] : []),
  ];
  const commands = [
    ...[BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_LOOKUP_BATCH],
    ...[BPF_LINK_CREATE, BPF_LINK_UPDATE],
    ...(reprograms ? [BPF_PROG_LOAD, BPF_MAP_CREATE] : []),
  ];
  return {
    first: FIRST,
    groups: [
      ...[MEMORY, THREADS, ...signals(tkills)],
      ...[TIME, WAITING, FILES, CHANGES, SOCKETS, ITSELF],
    ],
    argued: [
      ...COMMON,
      ...ownOnly(pid, helpers),
      {
        call: "socket",
        only: "Unix, IPv4 and IPv6 datagrams; netlink for routes, filters and IPsec policies",
        when: [
          [
            // To the log and the service manager. By streams other services take orders, as root's.
            { argument: 0, values: [AF_UNIX] },
            { argument: 1, mask: SOCK_TYPE_MASK, values: [SOCK_DGRAM] },
          ],
          [
            { argument: 0, values: [AF_NETLINK] },
            { argument: 2, values: [NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_XFRM] },
          ],
          [
            { argument: 0, values: [AF_INET, AF_INET6] },
            { argument: 1, mask: SOCK_TYPE_MASK, values: [SOCK_DGRAM] },
            { argument: 2, values: [0, IPPROTO_UDP] },
          ],
        ],
        tried: LOOK_UP,
      },
      { call: "socketpair", only: "Unix", when: [[{ argument: 0, values: [AF_UNIX] }]] },
      {
        call: "ioctl",
        only:
          "terminals' sizes, flags of descriptors, numbers of interfaces, the name of a TUN; where " +
          "the interface is made again here, what that takes",
        when: [[{ argument: 1, values: requests }]],
        errno: EPERM,
      },
      {
        call: "bpf",
        only:
          "elements of maps, and links of programs that are loaded; where rules may be loaded again, " +
          "programs and maps",
        when: [[{ argument: 0, values: commands }]],
        // As without the right to: the fast path goes on with the programs that it has.
        errno: EPERM,
      },
    ],
    answered: ANSWERED,
  };
}

/** What the process that keeps an interface may ask for. */
export function helperCalls({ pid, tkills }: Pick<ProfileNeeds, "pid" | "tkills">): Profile {
  return {
    first: FIRST,
    groups: [MEMORY, THREADS, ...signals(tkills), TIME, WAITING, FILES, {
      what: "sockets that are there",
      calls: "bind connect getsockname getsockopt setsockopt shutdown",
    }, ITSELF],
    argued: [
      ...COMMON,
      ...ownOnly(pid, []),
      {
        call: "socket",
        only: "netlink for routes",
        when: [[
          { argument: 0, values: [AF_NETLINK] },
          { argument: 2, values: [NETLINK_ROUTE] },
        ]],
        tried: LOOK_UP,
      },
      {
        call: "ioctl",
        only: "terminals' sizes, flags of descriptors",
        when: [[{ argument: 1, values: DESCRIPTORS }]],
        errno: EPERM,
      },
    ],
    answered: ANSWERED,
  };
}
