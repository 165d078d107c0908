import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  IOVEC_LEN_AT,
  MMSGHDR_LEN_AT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  MSGHDR_NAME_AT,
  MSGHDR_NAMELEN_AT,
  SIZEOF_IOVEC,
  SIZEOF_MMSGHDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "#ffi/linux/mod.ts";
import { readU16, writeU16 } from "#src/protocol/wire/bytes.ts";

// <linux/if_packet.h>, <linux/if_ether.h>: only this file listens to links.
const AF_PACKET = 17;
const ETH_P_ALL = 0x0003;
/** `family (2, host order), protocol (2, network order), interface index (4), ...` */
const SIZEOF_SOCKADDR_LL = 20;
const SOCKADDR_LL_PROTOCOL_AT = 2;
const SOCKADDR_LL_IFINDEX_AT = 4;

const BUFFER_LENGTH = 65_536;

/** Receives every packet of some links, in the order they passed, from its IP header on. */
export class PacketSocket {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #links: ReadonlySet<number>;
  readonly #name: number;
  readonly #header: number;
  readonly #buffer: number;

  /** @throws SyscallError without CAP_NET_RAW */
  constructor(libc: Libc, links: readonly string[]) {
    this.#libc = libc;
    const arena = this.#arena = new Arena(libc, BUFFER_LENGTH + 2 * 4096);
    this.#links = new Set(
      links.map((link) => libc.call.if_nametoindex(arena.address(arena.cString(link)))),
    );
    this.#name = arena.take(SIZEOF_SOCKADDR_LL);
    this.#buffer = arena.take(BUFFER_LENGTH);
    this.#header = this.#makeHeader();
    this.#fd = this.#open();
  }

  #makeHeader(): number {
    const arena = this.#arena;
    const iovec = arena.take(SIZEOF_IOVEC);
    arena.writeU64(iovec, arena.address(this.#buffer));
    arena.writeU64(iovec + IOVEC_LEN_AT, BUFFER_LENGTH);
    const header = arena.take(SIZEOF_MMSGHDR);
    arena.writeU64(header + MSGHDR_NAME_AT, arena.address(this.#name));
    arena.writeU64(header + MSGHDR_IOV_AT, arena.address(iovec));
    arena.writeU64(header + MSGHDR_IOVLEN_AT, 1);
    return header;
  }

  /** Bound to no link: one socket keeps the order between links that two would lose. */
  #open(): number {
    const { call } = this.#libc;
    const type = SOCK_DGRAM | SOCK_CLOEXEC;
    const fd = check(this.#libc, call.socket(AF_PACKET, type, 0), "socket", "AF_PACKET");
    this.#arena.u16[this.#name >> 1] = AF_PACKET;
    writeU16(this.#arena.u8, this.#name + SOCKADDR_LL_PROTOCOL_AT, ETH_P_ALL);
    const bound = call.bind(fd, this.#arena.address(this.#name), SIZEOF_SOCKADDR_LL);
    check(this.#libc, bound, "bind", "AF_PACKET");
    return fd;
  }

  /**
   * Blocks until a packet passes one of the links, and hands it over.
   *
   * @param take its argument is valid until it returns
   */
  receive(take: (packet: Uint8Array, ethertype: number) => void): void {
    const { u8, u32 } = this.#arena;
    u32[(this.#header + MSGHDR_NAMELEN_AT) >> 2] = SIZEOF_SOCKADDR_LL; // the kernel overwrites it
    const got = this.#libc.call.recvmmsg(this.#fd, this.#arena.address(this.#header), 1, 0, 0);
    if (got !== 1 || !this.#links.has(u32[(this.#name + SOCKADDR_LL_IFINDEX_AT) >> 2]!)) return;
    const length = u32[(this.#header + MMSGHDR_LEN_AT) >> 2]!;
    const ethertype = readU16(u8, this.#name + SOCKADDR_LL_PROTOCOL_AT);
    take(u8.subarray(this.#buffer, this.#buffer + length), ethertype);
  }
}
