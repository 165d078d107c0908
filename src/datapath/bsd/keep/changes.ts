import { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { SOCK_RAW } from "#ffi/posix.ts";
import { bsdLayout } from "../layout.ts";

/** Messages thrown away in one go; what is left says the same the next time. */
const MOST = 256;
/** As far as the type of a message; the rest is not read. */
const HEAD = 16;

/** Hears by a routing socket of every change of interfaces, addresses and routes. route(4) */
export class RouteChanges {
  readonly #libc: Libc;
  readonly #layout: BsdLayout;
  readonly #arena: Arena;
  readonly #fd: number;
  readonly #head: number;

  /** @throws SyscallError */
  constructor(libc: Libc) {
    const layout = bsdLayout(libc);
    const type = SOCK_RAW | layout.SOCK_CLOEXEC | layout.SOCK_NONBLOCK;
    this.#libc = libc;
    this.#layout = layout;
    // Of all families: what is told of an interface is of none.
    const fd = libc.call.socket(layout.AF_ROUTE, type, 0);
    this.#fd = check(libc, fd, "socket", "AF_ROUTE, for notifications");
    this.#arena = new Arena(libc, 4096);
    this.#head = this.#arena.take(HEAD);
  }

  /**
   * Whether something has changed since this was asked last; does not wait. Messages that the kernel
   * had no room for count as well, where it tells of them: ENOBUFS, or OpenBSD's RTM_DESYNC.
   */
  any(): boolean {
    const head = this.#arena.address(this.#head);
    let isChanged = false;
    for (let count = 0; count < MOST; count++) {
      const length = this.#libc.call.recv(this.#fd, head, HEAD, 0);
      const isEmpty = length < 0 && this.#libc.errno() === this.#layout.EAGAIN;
      if (isEmpty) break;
      isChanged ||= length < 0 || this.#isChange();
    }
    return isChanged;
  }

  /**
   * Answers to anybody's RTM_GET come to all sockets, ours among them, and would have us look for ever.
   * What is told of a search in vain, maybe for each packet, is no change either.
   */
  #isChange(): boolean {
    const { RTM_GET, RTM_LOSING, RTM_MISS, RT_MSGHDR_TYPE_AT } = this.#layout;
    const type = this.#arena.u8[this.#head + RT_MSGHDR_TYPE_AT];
    return type !== RTM_GET && type !== RTM_LOSING && type !== RTM_MISS;
  }

  close(): void {
    this.#libc.call.close(this.#fd);
    this.#arena.close();
  }
}
