import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  MSG_DONTWAIT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  SIZEOF_IOVEC,
  SIZEOF_MMSGHDR,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_SOCKET,
} from "#ffi/linux/mod.ts";
import { setOption } from "#src/datapath/udp/socket.ts";

// <linux/if_packet.h>
const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
/** `family (2), protocol (2), interface index (4), ...`; protocol 0: it only sends. */
const SIZEOF_SOCKADDR_LL = 20;
const SOCKADDR_LL_IFINDEX_AT = 4;

const SEND_BUFFER = 64 * 1024 * 1024;
/** Messages in one system call. */
const BATCH = 64;

/** Sends frames that were written beforehand: nothing but the kernel's work is left for each. */
export class LinkSocket {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;

  /** @throws SyscallError without CAP_NET_RAW, or when there is no such interface */
  constructor(libc: Libc, arena: Arena, link: string) {
    this.#libc = libc;
    this.#arena = arena;
    const { call } = libc;
    const type = SOCK_RAW | SOCK_CLOEXEC;
    const fd = this.#fd = check(libc, call.socket(AF_PACKET, type, 0), "socket", "AF_PACKET");
    for (
      const [level, name, value] of [
        [SOL_PACKET, PACKET_VNET_HDR, 1],
        [SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER],
      ] as const
    ) {
      check(libc, setOption(libc, arena, fd, level, name, value), "setsockopt", `${level} ${name}`);
    }
    const name = arena.take(SIZEOF_SOCKADDR_LL);
    arena.u16[name >> 1] = AF_PACKET;
    arena.u32[(name + SOCKADDR_LL_IFINDEX_AT) >> 2] = call.if_nametoindex(
      arena.address(arena.cString(link)),
    );
    check(libc, call.bind(fd, arena.address(name), SIZEOF_SOCKADDR_LL), "bind", link);
  }

  /** @returns how many of the `count` messages from `header` on the link took; the rest is lost */
  send(header: number, count: number): number {
    let taken = 0;
    for (let done = 0; done < count;) {
      const batch = Math.min(count - done, BATCH);
      const at = this.#arena.address(header + done * SIZEOF_MMSGHDR);
      const sent = this.#libc.call.sendmmsg(this.#fd, at, batch, MSG_DONTWAIT);
      // A message that finds no room fails alone, or ends the batch before it.
      taken += Math.max(0, sent);
      done += Math.max(1, sent);
    }
    return taken;
  }
}

/**
 * Messages in the arena, each of one head and a body that is repeated: for {@link LinkSocket.send}.
 *
 *     header i:  mmsghdr (64)
 *     iovecs i:  head, body, body, ... (16 each)
 */
export class Messages {
  readonly headers: number;
  readonly #arena: Arena;
  readonly #iovecs: number;
  readonly #most: number;

  /** Bytes of arena for `count` messages of up to `most` repetitions. */
  static lengthOf(count: number, most: number): number {
    return count * (SIZEOF_MMSGHDR + (1 + most) * SIZEOF_IOVEC) + 128;
  }

  constructor(arena: Arena, count: number, most: number) {
    this.#arena = arena;
    this.#most = most;
    this.headers = arena.take(count * SIZEOF_MMSGHDR);
    this.#iovecs = arena.take(count * (1 + most) * SIZEOF_IOVEC);
  }

  /** Message `i`: the head at `headAt`, then the body at `bodyAt` `count` times. */
  set(
    i: number,
    headAt: number,
    headLength: number,
    bodyAt: number,
    bodyLength: number,
    count: number,
  ): void {
    const arena = this.#arena;
    const first = this.#iovecs + i * (1 + this.#most) * SIZEOF_IOVEC;
    const header = this.headers + i * SIZEOF_MMSGHDR;
    arena.writeU64(header + MSGHDR_IOV_AT, arena.address(first));
    arena.writeU64(header + MSGHDR_IOVLEN_AT, 1 + count);
    arena.writeU64(first + IOVEC_BASE_AT, arena.address(headAt));
    arena.writeU64(first + IOVEC_LEN_AT, headLength);
    for (let k = 1; k <= count; k++) {
      const iovec = first + k * SIZEOF_IOVEC;
      arena.writeU64(iovec + IOVEC_BASE_AT, arena.address(bodyAt));
      arena.writeU64(iovec + IOVEC_LEN_AT, bodyLength);
    }
  }

  /** Address of message `i` within the arena. */
  at(i: number): number {
    return this.headers + i * SIZEOF_MMSGHDR;
  }
}
