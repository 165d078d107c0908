import type { Arena } from "#ffi/arena.ts";
import { failure } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET6,
  EAGAIN,
  IOVEC_BASE_AT,
  IOVEC_LEN_AT,
  MMSGHDR_LEN_AT,
  MSG_DONTWAIT,
  MSGHDR_IOV_AT,
  MSGHDR_IOVLEN_AT,
  MSGHDR_NAME_AT,
  MSGHDR_NAMELEN_AT,
  SIZEOF_IOVEC,
  SIZEOF_MMSGHDR,
  SIZEOF_SOCKADDR_IN6,
  SOCKADDR_IN6_ADDR_AT,
  SOCKADDR_IN6_FAMILY_AT,
  SOCKADDR_IN6_PORT_AT,
} from "#ffi/linux/mod.ts";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { BATCH } from "#src/datapath/frames.ts";

const NAME_STRIDE = 32;

/** Sends datagrams over IPv6 in batches, by `sendmmsg`: `UdpSender` for the host at the native end. */
export class Udp6Sender {
  /** Bytes that the kernel took. */
  bytes = 0;
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #headers: number;
  readonly #names: number;
  readonly #iovecs: number;
  #queued = 0;

  static readonly arenaLength: number = BATCH * (SIZEOF_MMSGHDR + NAME_STRIDE + SIZEOF_IOVEC) +
    4096;

  constructor(libc: Libc, arena: Arena, fd: number) {
    this.#libc = libc;
    this.#arena = arena;
    this.#fd = fd;
    this.#headers = arena.take(BATCH * SIZEOF_MMSGHDR);
    this.#names = arena.take(BATCH * NAME_STRIDE);
    this.#iovecs = arena.take(BATCH * SIZEOF_IOVEC);
    for (let i = 0; i < BATCH; i++) {
      const header = this.#headers + i * SIZEOF_MMSGHDR;
      arena.u16[(this.#names + i * NAME_STRIDE + SOCKADDR_IN6_FAMILY_AT) >> 1] = AF_INET6;
      arena.writeU64(header + MSGHDR_NAME_AT, arena.address(this.#names + i * NAME_STRIDE));
      arena.u32[(header + MSGHDR_NAMELEN_AT) >> 2] = SIZEOF_SOCKADDR_IN6;
      arena.writeU64(header + MSGHDR_IOV_AT, arena.address(this.#iovecs + i * SIZEOF_IOVEC));
      arena.writeU64(header + MSGHDR_IOVLEN_AT, 1);
    }
  }

  /** Queues the `length` arena bytes at `at`, which stay until the flush, for `address` and `port`. */
  queue(at: number, length: number, address: Uint8Array, port: number): void {
    if (this.#queued === BATCH) this.flush();
    const arena = this.#arena;
    const i = this.#queued++;
    const iovec = this.#iovecs + i * SIZEOF_IOVEC;
    arena.writeU64(iovec + IOVEC_BASE_AT, arena.address(at));
    arena.writeU64(iovec + IOVEC_LEN_AT, length);
    const name = this.#names + i * NAME_STRIDE;
    writeU16(arena.u8, name + SOCKADDR_IN6_PORT_AT, port);
    arena.u8.set(address, name + SOCKADDR_IN6_ADDR_AT);
  }

  /** Sends what is queued; what finds no room is not sent and not counted. @throws failure */
  flush(): void {
    let done = 0;
    while (done < this.#queued) {
      const header = this.#headers + done * SIZEOF_MMSGHDR;
      const count = this.#queued - done;
      const sent = this.#libc.call.sendmmsg(
        this.#fd,
        this.#arena.address(header),
        count,
        MSG_DONTWAIT,
      );
      if (sent < 0) {
        const errno = this.#libc.errno();
        if (errno !== EAGAIN) throw failure(this.#libc, "sendmmsg", `${count} datagrams`, errno);
        break;
      }
      for (let i = 0; i < sent; i++) {
        this.bytes += this.#arena.u32[(header + i * SIZEOF_MMSGHDR + MMSGHDR_LEN_AT) >> 2]!;
      }
      done += sent;
    }
    this.#queued = 0;
  }
}
