import type { Layout } from "./layout.ts";

/**
 * Every libc function the program calls, declared once, with its C prototype.
 *
 * `ptr` is an address as a number (0 is NULL); addresses come from the arena, see `arena.ts`.
 * `size_t` and `unsigned long` are `u64` and take numbers. `ssize_t` results are declared `i32`: no
 * transfer here nears 2 GiB, and a 64-bit result would be a BigInt per packet. The variadic ones
 * (open, ioctl, fcntl, syscall, syslog) are called with a fixed number of integer arguments, which
 * the x86-64 and the aarch64 calling conventions of Linux and the BSDs allow.
 */
export const LIBC = {
  // int open(const char *path, int flags, mode_t mode);
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  // int close(int fd);
  close: { args: ["i32"], returns: "i32" },
  // int dup(int fd);
  dup: { args: ["i32"], returns: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
  // ssize_t writev(int fd, const struct iovec *iov, int count);
  writev: { args: ["i32", "ptr", "i32"], returns: "i32" },
  // int flock(int fd, int operation);
  flock: { args: ["i32", "i32"], returns: "i32" },
  // int ftruncate(int fd, off_t length);
  ftruncate: { args: ["i32", "u64"], returns: "i32" },
  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
  mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "u64"], returns: "ptr" },
  // int ioctl(int fd, unsigned long request, void *arg);
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  // int fcntl(int fd, int command, int argument): of commands that take a number
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  // int pipe2(int fds[2], int flags);
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  // int socket(int domain, int type, int protocol);
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  // int bind(int fd, const struct sockaddr *addr, socklen_t len);
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  // int connect(int fd, const struct sockaddr *addr, socklen_t len);
  connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
  // int getsockname(int fd, struct sockaddr *addr, socklen_t *len);
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t len);
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *len);
  getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
  // int getpeereid(int fd, uid_t *euid, gid_t *egid): the BSDs'
  getpeereid: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  // ssize_t recv(int fd, void *buf, size_t len, int flags);
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  // ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t tolen);
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i32" },
  // ssize_t recvmsg(int fd, struct msghdr *msg, int flags);
  recvmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  // ssize_t sendmsg(int fd, const struct msghdr *msg, int flags);
  sendmsg: { args: ["i32", "ptr", "i32"], returns: "i32" },
  // int recvmmsg(int fd, struct mmsghdr *v, unsigned int vlen, int flags, struct timespec *timeout);
  // vlen is a size_t on FreeBSD, and so is its result a ssize_t.
  recvmmsg: { args: ["i32", "ptr", "u64", "i32", "ptr"], returns: "i32" },
  // int sendmmsg(int fd, struct mmsghdr *v, unsigned int vlen, int flags);
  sendmmsg: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
  // unsigned int if_nametoindex(const char *name);
  if_nametoindex: { args: ["ptr"], returns: "u32" },
  // char *if_indextoname(unsigned int index, char *name);
  if_indextoname: { args: ["u32", "ptr"], returns: "ptr" },
  // int setgroups(size_t size, const gid_t *list);
  setgroups: { args: ["u64", "ptr"], returns: "i32" },
  // int setgid(gid_t gid);
  setgid: { args: ["u32"], returns: "i32" },
  // int setuid(uid_t uid);
  setuid: { args: ["u32"], returns: "i32" },
  // long syscall(long number, ...): for those without a function of their own, of up to four arguments.
  syscall: { args: ["u64", "u64", "u64", "u64", "u64"], returns: "i32" },
  // int prctl(int option, unsigned long arg2, arg3, arg4, arg5): Linux's
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  // int capset(cap_user_header_t header, const cap_user_data_t data): Linux's
  capset: { args: ["ptr", "ptr"], returns: "i32" },
  // int unveil(const char *path, const char *permissions): OpenBSD's
  unveil: { args: ["ptr", "ptr"], returns: "i32" },
  // int sysctl(const int *name, u_int count, void *old, size_t *oldlen, const void *new, size_t newlen);
  sysctl: { args: ["ptr", "u32", "ptr", "ptr", "ptr", "u64"], returns: "i32" },
  // void (*signal(int number, void (*handler)(int)))(int);
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  // int chroot(const char *path);
  chroot: { args: ["ptr"], returns: "i32" },
  // int chdir(const char *path);
  chdir: { args: ["ptr"], returns: "i32" },
  // void openlog(const char *ident, int option, int facility);
  openlog: { args: ["ptr", "i32", "i32"], returns: "void" },
  // void syslog(int priority, const char *format, const char *message);
  syslog: { args: ["i32", "ptr", "ptr"], returns: "void" },
} as const satisfies SymbolTable;

export type FunctionName = keyof typeof LIBC;
export type CType = "i32" | "u32" | "u64" | "ptr";
export type CResult = "i32" | "u32" | "ptr" | "void";
export type SymbolTable = Record<
  string,
  { readonly args: readonly CType[]; readonly returns: CResult }
>;

type JsArgs<A extends readonly CType[]> = { -readonly [I in keyof A]: number };
// A pointer comes back as a BigInt from Deno always, from Bun when it has no exact number: Number() it.
type JsResult<R extends CResult> = R extends "void" ? void
  : R extends "ptr" ? number | bigint
  : number;
export type Calls<T extends SymbolTable> = {
  readonly [K in keyof T]: (...args: JsArgs<T[K]["args"]>) => JsResult<T[K]["returns"]>;
};

/** Where a libc differs from the table above. */
export interface LibcNames {
  /** The function that returns the address of this thread's errno. */
  readonly errnoLocation: string;
  /** What the linker calls a function whose plain name has another meaning. */
  readonly symbols: Readonly<Partial<Record<FunctionName, string>>>;
  /** Functions that are not there: calling one throws. */
  readonly missing: readonly FunctionName[];
}

/** What differs between the kernels this runs on. */
export interface Platform {
  readonly layout: Layout;
  /** Shared libraries to try, in order. */
  readonly libcPaths: readonly string[];
  readonly names: LibcNames;
}

/** What a runtime's backend provides. Belongs to the thread that opened it. */
export interface Libc {
  /** Constants and structures of the kernel that answers. */
  readonly layout: Layout;
  readonly call: Calls<typeof LIBC>;
  /** Whether libc has this function. */
  has(name: FunctionName): boolean;
  /** errno of this thread after a call that failed; read it before any other call. */
  errno(): number;
  /**
   * Address of the first of `bytes`. It holds only for memory that the engine never moves: that of a
   * `WebAssembly.Memory`, and only while something keeps that memory. See `arena.ts`.
   */
  addressOf(bytes: Uint8Array<ArrayBuffer>): number;
  /**
   * Has the engine collect what this thread has let go of, before it returns: some 20 ms for a heap of 15 MB.
   * Undefined where a program cannot ask for it: V8 comes by itself soon enough.
   */
  readonly collectGarbage?: () => void;
}

/** A function of libc as a backend looks it up. */
export interface Symbol {
  /** What the linker calls it. */
  readonly symbol: string;
  readonly args: readonly CType[];
  readonly returns: CResult;
}

/** What a backend has to find in a libc of these names, besides the address of errno. */
export function symbolsOf(names: LibcNames): Symbol[] {
  return FUNCTION_NAMES
    .filter((name) => !names.missing.includes(name))
    .map((name) => ({ symbol: names.symbols[name] ?? name, ...LIBC[name] }));
}

/** The calls of {@link Libc}, from the functions that a backend found by their {@link Symbol}. */
export function callsOf(
  names: LibcNames,
  found: Readonly<Record<string, unknown>>,
): Calls<typeof LIBC> {
  const calls = FUNCTION_NAMES.map((name) => {
    if (names.missing.includes(name)) return [name, () => absent(name)];
    return [name, found[names.symbols[name] ?? name]];
  });
  return Object.fromEntries(calls) as Calls<typeof LIBC>;
}

const FUNCTION_NAMES = Object.keys(LIBC) as FunctionName[];

function absent(name: FunctionName): never {
  throw new Error(`this C library has no ${name}()`);
}
