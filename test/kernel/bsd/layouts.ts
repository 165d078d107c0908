import { type Layout, NONE, type System } from "#ffi/layout.ts";
import type { LibcNames } from "#ffi/libc.ts";
import {
  AF_LINK,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  EMSGSIZE,
  ENOBUFS,
  ICMP6_FILTER,
  IP_RECVDSTADDR,
  IP_SENDSRCADDR,
  NUMBERS,
  O_NONBLOCK,
  SO_RCVBUF,
  SO_REUSEPORT,
  SO_SNDBUF,
  SOL_SOCKET,
  type SystemName,
} from "./numbers.ts";

/** strerror(3) of the errors that a kernel of paper gives; one text on the four. */
const ERRORS: readonly (readonly [number, string, string])[] = [
  [1, "EPERM", "Operation not permitted"],
  [2, "ENOENT", "No such file or directory"],
  [3, "ESRCH", "No such process"],
  [4, "EINTR", "Interrupted system call"],
  [5, "EIO", "Input/output error"],
  [6, "ENXIO", "Device not configured"],
  [9, "EBADF", "Bad file descriptor"],
  [12, "ENOMEM", "Cannot allocate memory"],
  [13, "EACCES", "Permission denied"],
  [14, "EFAULT", "Bad address"],
  [16, "EBUSY", "Device busy"],
  [17, "EEXIST", "File exists"],
  [19, "ENODEV", "Operation not supported by device"],
  [22, "EINVAL", "Invalid argument"],
  [24, "EMFILE", "Too many open files"],
  [25, "ENOTTY", "Inappropriate ioctl for device"],
  [35, "EAGAIN", "Resource temporarily unavailable"],
  [40, "EMSGSIZE", "Message too long"],
  [43, "EPROTONOSUPPORT", "Protocol not supported"],
  [45, "EOPNOTSUPP", "Operation not supported"],
  [47, "EAFNOSUPPORT", "Address family not supported by protocol family"],
  [48, "EADDRINUSE", "Address already in use"],
  [49, "EADDRNOTAVAIL", "Can't assign requested address"],
  [50, "ENETDOWN", "Network is down"],
  [51, "ENETUNREACH", "Network is unreachable"],
  [55, "ENOBUFS", "No buffer space available"],
  [63, "ENAMETOOLONG", "File name too long"],
  [64, "EHOSTDOWN", "Host is down"],
  [65, "EHOSTUNREACH", "No route to host"],
];

const TEXTS = new Map(ERRORS.map(([number, symbol, text]) => [number, [symbol, text] as const]));

/** strerror(3). */
export function errorText(errno: number): string {
  return TEXTS.get(errno)?.[1] ?? `Unknown error: ${errno}`;
}

/** What a kernel of paper goes by, written apart from what the program goes by. */
export function paperLayout(system: SystemName): Layout {
  const { AF_INET6, O_CLOEXEC, SOCK_CLOEXEC, SOCK_NONBLOCK, MSG_NOSIGNAL } = NUMBERS[system];
  return {
    system: system satisfies System,
    errors: TEXTS,
    EAGAIN,
    EMSGSIZE,
    ENOBUFS,
    EADDRINUSE,
    EADDRNOTAVAIL,
    ENETUNREACH: 51,
    O_CREAT: 0x200,
    O_NONBLOCK,
    O_CLOEXEC,
    AF_INET6,
    SOCK_NONBLOCK,
    SOCK_CLOEXEC,
    SOL_SOCKET,
    SO_SNDBUF,
    SO_RCVBUF,
    SO_REUSEADDR: 0x4,
    SO_REUSEPORT,
    MSG_DONTWAIT: 0x80,
    MSG_NOSIGNAL,
    SO_RXQ_OVFL: NONE,
    UDP_GRO: NONE,
    UDP_SEGMENT: NONE,
    // struct msghdr, struct mmsghdr, struct cmsghdr of LP64
    SIZEOF_MSGHDR: 48,
    MSGHDR_FLAGS_AT: 44,
    SIZEOF_MMSGHDR: 56,
    MMSGHDR_LEN_AT: 48,
    CMSGHDR_LEVEL_AT: 4,
    CMSGHDR_TYPE_AT: 8,
    CMSG_ALIGNMENT: 8,
    hasSockaddrLength: true,
    localAddress: {
      option: IP_RECVDSTADDR,
      receivedType: IP_RECVDSTADDR,
      receivedAt: 0,
      sentType: IP_SENDSRCADDR,
      sentAt: 0,
      length: 4,
    },
    multicast: { interface: 9, timeToLive: 10, loop: 11, join: 12, leave: 13 },
    ICMP6_FILTER,
    ICMP6_FILTER_BLOCK: 0,
  };
}

/** Functions that a system's libc lacks, besides those of Linux. */
const MISSING: Readonly<Record<SystemName, LibcNames["missing"]>> = {
  "FreeBSD": ["syscall", "unveil"],
  "OpenBSD": ["syscall"],
  "NetBSD": ["syscall", "unveil"],
  "DragonFly BSD": ["syscall", "unveil", "recvmmsg", "sendmmsg"],
};

/** @param system Symbols are the loader's matter; only what is missing counts on paper. */
export function paperNames(system: SystemName): LibcNames {
  return { errnoLocation: "", symbols: {}, missing: MISSING[system] };
}

/** A `struct sockaddr_dl` of an interface, <net/if_dl.h>: index, type and name. */
export function linkSockaddr(length: number, index: number, name: string): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([length, AF_LINK, index & 0xff, index >> 8, 0, name.length]);
  bytes.set(new TextEncoder().encode(name).subarray(0, length - 8), 8);
  return bytes;
}
