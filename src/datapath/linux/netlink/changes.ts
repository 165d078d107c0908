import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_NETLINK,
  EAGAIN,
  NETLINK_ROUTE,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV4_RULE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_IFINFO,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_LINK,
  SIZEOF_SOCKADDR_NL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_NL_FAMILY_AT,
  SOCKADDR_NL_GROUPS_AT,
} from "#ffi/linux/mod.ts";

/** Of links, IPv6 addresses and IPv6 routes. */
export const IPV6_CHANGES: number = RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_IFINFO |
  RTMGRP_IPV6_ROUTE;
/** Of links, IPv4 addresses, IPv4 routes and the rules that choose among their tables. */
export const IPV4_CHANGES: number = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
  RTMGRP_IPV4_RULE;
/** Messages thrown away in one go; what is left says the same the next time. */
const MOST = 256;
/** What a message says is not read: that one came is enough to look. */
const HEAD = 16;

/** Hears of every change of some kinds in this network namespace. */
export class Changes {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #head: number;

  /** @param groups RTMGRP_..., as {@link IPV6_CHANGES} @throws SyscallError */
  constructor(libc: Libc, groups: number) {
    this.#libc = libc;
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const about = "netlink, for notifications";
    this.#fd = check(libc, libc.call.socket(AF_NETLINK, type, NETLINK_ROUTE), "socket", about);
    this.#arena = new Arena(libc, 4096);
    this.#head = this.#arena.address(this.#arena.take(HEAD));
    const name = this.#arena.take(SIZEOF_SOCKADDR_NL);
    this.#arena.u16[(name + SOCKADDR_NL_FAMILY_AT) >> 1] = AF_NETLINK;
    this.#arena.u32[(name + SOCKADDR_NL_GROUPS_AT) >> 2] = groups;
    const bound = libc.call.bind(this.#fd, this.#arena.address(name), SIZEOF_SOCKADDR_NL);
    check(libc, bound, "bind", about);
  }

  /**
   * Whether something has changed since this was asked last; does not wait. Messages that the kernel
   * had no room for (ENOBUFS) count as well.
   */
  any(): boolean {
    for (let count = 0; count < MOST; count++) {
      if (this.#libc.call.recv(this.#fd, this.#head, HEAD, 0) >= 0) continue;
      const isEmpty = this.#libc.errno() === EAGAIN;
      if (isEmpty) return count > 0;
    }
    return true;
  }

  close(): void {
    this.#libc.call.close(this.#fd);
    this.#arena.close();
  }
}
