import { Arena } from "#ffi/arena.ts";
import { check, failure } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_NETLINK,
  EAGAIN,
  F_SETOWN,
  FIOASYNC,
  NETLINK_ROUTE,
  NFNLGRP_NFTABLES,
  RTMGRP_IPV4_IFADDR,
  RTMGRP_IPV4_ROUTE,
  RTMGRP_IPV4_RULE,
  RTMGRP_IPV6_IFADDR,
  RTMGRP_IPV6_IFINFO,
  RTMGRP_IPV6_ROUTE,
  RTMGRP_LINK,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV6_NETCONF,
  RTNLGRP_IPV6_RULE,
  SIZEOF_SOCKADDR_NL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_NL_FAMILY_AT,
  SOCKADDR_NL_GROUPS_AT,
} from "#ffi/linux/mod.ts";
import type { Signalling } from "../../keep/contract.ts";

/** Of links, IPv6 addresses, IPv6 routes and the rules that choose among their tables. */
export const IPV6_CHANGES: number = RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_IFINFO |
  RTMGRP_IPV6_ROUTE | groupBit(RTNLGRP_IPV6_RULE);
/** Of links, IPv4 addresses, IPv4 routes and the rules that choose among their tables. */
export const IPV4_CHANGES: number = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
  RTMGRP_IPV4_RULE;
/** Of all of these, and of what is set of IPv4 and IPv6 for the host and each interface. */
export const NETWORK_CHANGES: number = IPV6_CHANGES | IPV4_CHANGES |
  groupBit(RTNLGRP_IPV4_NETCONF) | groupBit(RTNLGRP_IPV6_NETCONF);
/** Of nf_tables, in whose own protocol. */
export const NFTABLES_CHANGES: number = groupBit(NFNLGRP_NFTABLES);
/** Messages thrown away in one go; what is left says the same the next time. */
const MOST = 256;
/** What a message says is not read: that one came is enough to look. */
const HEAD = 16;

/** Hears of every change of some kinds in this network namespace. */
export class Changes implements Signalling {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #head: number;
  /** Arena offset of an int that is an ioctl's argument. */
  readonly #number: number;

  /**
   * @param groups bits of what is to be heard of, as {@link IPV6_CHANGES}
   * @param protocol whose groups these are, NETLINK_...
   * @throws SyscallError
   */
  constructor(libc: Libc, groups: number, protocol: number = NETLINK_ROUTE) {
    this.#libc = libc;
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const about = "netlink, for notifications";
    this.#fd = check(libc, libc.call.socket(AF_NETLINK, type, protocol), "socket", about);
    this.#arena = Arena.plain(libc, 4096);
    this.#head = this.#arena.address(this.#arena.take(HEAD));
    this.#number = this.#arena.take(4);
    const name = this.#arena.take(SIZEOF_SOCKADDR_NL);
    this.#arena.u16[(name + SOCKADDR_NL_FAMILY_AT) >> 1] = AF_NETLINK;
    this.#arena.u32[(name + SOCKADDR_NL_GROUPS_AT) >> 2] = groups;
    const bound = libc.call.bind(this.#fd, this.#arena.address(name), SIZEOF_SOCKADDR_NL);
    if (bound !== 0) {
      const error = failure(libc, "bind", about);
      this.close();
      throw error;
    }
    // Not by FIOSETOWN, whose argument no filter of system calls sees.
    libc.call.fcntl(this.#fd, F_SETOWN, process.pid);
  }

  /** Nothing comes of it where the kernel refuses: whoever is signalled looks now and then as well. */
  signal(wanted: boolean): void {
    this.#arena.u32[this.#number >> 2] = Number(wanted);
    this.#libc.call.ioctl(this.#fd, FIOASYNC, this.#arena.address(this.#number));
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

function groupBit(group: number): number {
  return 1 << (group - 1);
}
