import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { type Layout, sockaddrHead } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  IPPROTO_ICMPV6,
  IPPROTO_RAW,
  SIZEOF_ICMP6_FILTER,
  SIZEOF_SOCKADDR_IN6,
  SOCK_RAW,
  SOCKADDR_IN6_ADDR_AT,
} from "#ffi/posix.ts";
import { copyBytes } from "#src/protocol/wire/bytes.ts";
import { DESTINATION_AT, IPV6_HEADER_LENGTH, IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import { CAPACITY } from "./frames.ts";
import type { PacketSender } from "./kernel.ts";

/**
 * A raw socket for whole IPv6 packets, header as given: Linux only, the BSDs make the header
 * themselves. Needs CAP_NET_RAW. @throws SyscallError
 */
export function openRawIpv6(libc: Libc): number {
  const fd = rawSocket(libc, IPPROTO_RAW);
  return check(libc, fd, "socket", "AF_INET6, SOCK_RAW, IPPROTO_RAW");
}

function rawSocket({ call, layout }: Libc, protocol: number): number {
  const type = SOCK_RAW | layout.SOCK_NONBLOCK | layout.SOCK_CLOEXEC;
  return call.socket(layout.AF_INET6, type, protocol);
}

/**
 * A raw socket for ICMPv6 messages; the kernel adds the header, an address of this host and the
 * checksum. It receives nothing. Needs root or CAP_NET_RAW. @throws SyscallError
 */
export function openRawIcmpv6(libc: Libc, arena: Arena): number {
  const about = "AF_INET6, SOCK_RAW, IPPROTO_ICMPV6";
  const fd = check(libc, rawSocket(libc, IPPROTO_ICMPV6), "socket", about);
  const { ICMP6_FILTER, ICMP6_FILTER_BLOCK } = libc.layout;
  const filter = arena.take(SIZEOF_ICMP6_FILTER);
  arena.u8.fill(ICMP6_FILTER_BLOCK, filter, filter + SIZEOF_ICMP6_FILTER);
  const address = arena.address(filter);
  libc.call.setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, address, SIZEOF_ICMP6_FILTER);
  return fd;
}

/** Sends IPv6 packets one by one through a raw socket, to the destination in their header. */
export class RawIpv6Sender implements PacketSender {
  readonly #libc: Libc;
  readonly #layout: Layout;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #skip: number;
  readonly #name: number;
  readonly #copy: number;

  static readonly arenaLength: number = CAPACITY + 4096;

  /** @param kind `packet`: the header goes out as it is; `payload`: the kernel makes one */
  constructor(libc: Libc, arena: Arena, fd: number, kind: "packet" | "payload") {
    this.#libc = libc;
    this.#layout = libc.layout;
    this.#arena = arena;
    this.#fd = fd;
    this.#skip = kind === "payload" ? IPV6_HEADER_LENGTH : 0;
    this.#name = arena.take(SIZEOF_SOCKADDR_IN6);
    this.#copy = arena.take(CAPACITY);
    const { AF_INET6 } = libc.layout;
    arena.u16[this.#name >> 1] = sockaddrHead(libc.layout, AF_INET6, SIZEOF_SOCKADDR_IN6);
  }

  /**
   * Sends at once. Bytes outside the arena are copied.
   *
   * @returns 0, or the errno of a kernel that refused it
   */
  send(b: Uint8Array, at: number, length: number): number {
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
      this.#layout.MSG_DONTWAIT | this.#layout.MSG_NOSIGNAL,
      arena.address(this.#name),
      SIZEOF_SOCKADDR_IN6,
    );
    return sent >= 0 ? 0 : this.#libc.errno();
  }
}
