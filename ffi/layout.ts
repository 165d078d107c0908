import { CMSGHDR_DATA_AT } from "./posix.ts";

/** The kernels whose layouts are known, as people write them. */
export type System = "Linux" | "FreeBSD" | "OpenBSD" | "NetBSD" | "DragonFly BSD";

/** Of a number that this kernel has no such thing for: no option, flag or type has this value. */
export const NONE = -1;

/** How a datagram's address of ours is told by the kernel and to it, in a control message of IP. */
export interface LocalAddress {
  /** Option of IPPROTO_IP that makes the kernel tell it. */
  readonly option: number;
  /** Type of the message received, and where the address lies in its data. */
  readonly receivedType: number;
  readonly receivedAt: number;
  /** Type of the message sent, and where the address lies in its data. */
  readonly sentType: number;
  readonly sentAt: number;
  /** Bytes of data in either. */
  readonly length: number;
}

/**
 * What differs between kernels among the constants and structure layouts that all of them have, under
 * the names of C: see `posix.ts` for what does not. One object a kernel: `linux/layout.ts` and
 * `bsd/`.
 */
export interface Layout {
  readonly system: System;
  /** Number to symbol and text, e.g. 13 to `["EACCES", "Permission denied"]`. */
  readonly errors: ReadonlyMap<number, readonly [symbol: string, text: string]>;

  // <errno.h>
  readonly EAGAIN: number;
  readonly EMSGSIZE: number;
  readonly ENOBUFS: number;
  readonly EADDRINUSE: number;
  readonly EADDRNOTAVAIL: number;
  readonly ENETUNREACH: number;

  // <fcntl.h>
  readonly O_CREAT: number;
  readonly O_NONBLOCK: number;
  readonly O_CLOEXEC: number;

  // <sys/socket.h>
  readonly AF_INET6: number;
  readonly SOCK_NONBLOCK: number;
  readonly SOCK_CLOEXEC: number;
  readonly SOL_SOCKET: number;
  readonly SO_SNDBUF: number;
  readonly SO_RCVBUF: number;
  readonly SO_REUSEADDR: number;
  readonly SO_REUSEPORT: number;
  readonly MSG_DONTWAIT: number;
  readonly MSG_NOSIGNAL: number;
  /** Type of the control message that counts datagrams thrown away, or NONE. */
  readonly SO_RXQ_OVFL: number;
  /** Type of the control message with the length of joined datagrams, or NONE. */
  readonly UDP_GRO: number;
  /** Type of the control message with the length to cut datagrams to, or NONE. */
  readonly UDP_SEGMENT: number;

  // struct msghdr, struct mmsghdr, struct cmsghdr, <sys/socket.h>
  readonly SIZEOF_MSGHDR: number;
  readonly MSGHDR_FLAGS_AT: number;
  readonly SIZEOF_MMSGHDR: number;
  readonly MMSGHDR_LEN_AT: number;
  readonly CMSGHDR_LEVEL_AT: number;
  readonly CMSGHDR_TYPE_AT: number;
  /** Control messages start at multiples of this, a power of two. */
  readonly CMSG_ALIGNMENT: number;

  /** Whether a sockaddr starts with a byte of its length, before a byte of its family. */
  readonly hasSockaddrLength: boolean;
  readonly localAddress: LocalAddress;
  /** Options of IPPROTO_IP: IP_MULTICAST_IF, _TTL, _LOOP, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP. */
  readonly multicast: {
    readonly interface: number;
    readonly timeToLive: number;
    readonly loop: number;
    readonly join: number;
    readonly leave: number;
  };

  // <netinet/icmp6.h>
  readonly ICMP6_FILTER: number;
  /** Byte of a struct icmp6_filter that lets none of its eight types pass. */
  readonly ICMP6_FILTER_BLOCK: number;
}

/** The first two bytes of a sockaddr as one number: `sa_len` and `sa_family`, or the family alone. */
export function sockaddrHead(layout: Layout, family: number, length: number): number {
  return layout.hasSockaddrLength ? length | (family << 8) : family;
}

/** CMSG_SPACE(3): room that a control message of `length` bytes of data takes, padding included. */
export function cmsgSpace(layout: Layout, length: number): number {
  return cmsgNext(layout, 0, CMSGHDR_DATA_AT + length);
}

/** Where the next control message starts: `at` this one's header, `length` its `cmsg_len`. */
export function cmsgNext(layout: Layout, at: number, length: number): number {
  return at + ((length + layout.CMSG_ALIGNMENT - 1) & -layout.CMSG_ALIGNMENT);
}

/** For messages: `EADDRINUSE (Address already in use)`. */
export function errnoName(layout: Layout, errno: number): string {
  const known = layout.errors.get(errno);
  return known === undefined ? `errno ${errno}` : `${known[0]} (${known[1]})`;
}
