import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET6,
  ICMP6_FILTER,
  IPPROTO_ICMPV6,
  IPPROTO_RAW,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SIZEOF_ICMP6_FILTER,
  SIZEOF_SOCKADDR_IN6,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_IN6_ADDR_AT,
  SOCKADDR_IN6_FAMILY_AT,
  SOL_ICMPV6,
} from "#ffi/linux.ts";
import { copyBytes } from "#src/protocol/bytes.ts";
import { DESTINATION_AT, IPV6_HEADER_LENGTH, IPV6_LENGTH } from "#src/protocol/ipv6.ts";
import { CAPACITY } from "./frames.ts";

/** A raw socket for whole IPv6 packets, header as given. Needs CAP_NET_RAW. @throws SyscallError */
export function openRawIpv6(libc: Libc): number {
  const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return check(
    libc,
    libc.call.socket(AF_INET6, type, IPPROTO_RAW),
    "socket",
    "AF_INET6, SOCK_RAW, IPPROTO_RAW",
  );
}

/**
 * A raw socket for ICMPv6 messages; the kernel adds the header, an address of this host and the
 * checksum. It receives nothing. Needs CAP_NET_RAW. @throws SyscallError
 */
export function openRawIcmpv6(libc: Libc, arena: Arena): number {
  const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const about = "AF_INET6, SOCK_RAW, IPPROTO_ICMPV6";
  const fd = check(libc, libc.call.socket(AF_INET6, type, IPPROTO_ICMPV6), "socket", about);
  const filter = arena.take(SIZEOF_ICMP6_FILTER);
  arena.u8.fill(0xff, filter, filter + SIZEOF_ICMP6_FILTER); // a set bit blocks its type
  libc.call.setsockopt(fd, SOL_ICMPV6, ICMP6_FILTER, arena.address(filter), SIZEOF_ICMP6_FILTER);
  return fd;
}

/** Sends IPv6 packets one by one through a raw socket, to the destination in their header. */
export class RawIpv6Sender {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #skip: number;
  readonly #name: number;
  readonly #copy: number;

  static readonly arenaLength: number = CAPACITY + 4096;

  /** @param kind `packet`: the header goes out as it is; `payload`: the kernel makes one */
  constructor(libc: Libc, arena: Arena, fd: number, kind: "packet" | "payload") {
    this.#libc = libc;
    this.#arena = arena;
    this.#fd = fd;
    this.#skip = kind === "payload" ? IPV6_HEADER_LENGTH : 0;
    this.#name = arena.take(SIZEOF_SOCKADDR_IN6);
    this.#copy = arena.take(CAPACITY);
    arena.u16[(this.#name + SOCKADDR_IN6_FAMILY_AT) >> 1] = AF_INET6;
  }

  /**
   * Sends at once. Bytes outside the arena are copied.
   *
   * @returns false if the kernel refused it
   */
  send(b: Uint8Array, at: number, length: number): boolean {
    const arena = this.#arena;
    copyBytes(arena.u8, this.#name + SOCKADDR_IN6_ADDR_AT, b, at + DESTINATION_AT, IPV6_LENGTH);
    if (b !== arena.u8) {
      copyBytes(arena.u8, this.#copy, b, at, length);
      at = this.#copy;
    }
    const sent = this.#libc.call.sendto(
      this.#fd,
      arena.address(at + this.#skip),
      length - this.#skip,
      MSG_DONTWAIT | MSG_NOSIGNAL,
      arena.address(this.#name),
      SIZEOF_SOCKADDR_IN6,
    );
    return sent >= 0;
  }
}
