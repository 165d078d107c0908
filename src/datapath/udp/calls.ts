import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";

/**
 * Passes arrays of `struct mmsghdr` to the kernel: by one call where libc has it (on FreeBSD it is
 * libc that makes a call for each), else by a call for each of them.
 */
export class MessageCalls {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #hasArrays: boolean;
  readonly #size: number;
  readonly #lengthAt: number;

  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#arena = arena;
    this.#hasArrays = libc.has("recvmmsg") && libc.has("sendmmsg");
    this.#size = libc.layout.SIZEOF_MMSGHDR;
    this.#lengthAt = libc.layout.MMSGHDR_LEN_AT;
  }

  /**
   * Fills up to `count` headers that start at offset `headers` of the arena, without waiting.
   *
   * @returns how many; -1 when not even the first was filled, and errno says why
   */
  receive(fd: number, headers: number, count: number): number {
    const { call, layout } = this.#libc;
    if (!this.#hasArrays) return this.#each(call.recvmsg, fd, headers, count, layout.MSG_DONTWAIT);
    return call.recvmmsg(
      fd,
      this.#arena.address(headers),
      count,
      layout.MSG_DONTWAIT,
      0,
    );
  }

  /**
   * Sends up to `count` headers that start at offset `headers` of the arena, without waiting.
   *
   * @returns how many; -1 when not even the first was sent, and errno says why
   */
  send(fd: number, headers: number, count: number): number {
    const { call, layout } = this.#libc;
    const flags = layout.MSG_DONTWAIT | layout.MSG_NOSIGNAL;
    if (!this.#hasArrays) return this.#each(call.sendmsg, fd, headers, count, flags);
    return call.sendmmsg(fd, this.#arena.address(headers), count, flags);
  }

  /** What recvmmsg and sendmmsg do in the kernel: stop at the first that fails. */
  #each(
    call: Libc["call"]["recvmsg"],
    fd: number,
    headers: number,
    count: number,
    flags: number,
  ): number {
    for (let i = 0; i < count; i++) {
      const header = headers + i * this.#size;
      const length = call(fd, this.#arena.address(header), flags);
      if (length < 0) return i > 0 ? i : -1;
      this.#arena.u32[(header + this.#lengthAt) >> 2] = length;
    }
    return count;
  }
}
