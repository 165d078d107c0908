import type { Arena } from "#ffi/arena.ts";
import { NONE } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { SOCK_DGRAM } from "#ffi/posix.ts";
import { bsdLayout } from "./layout.ts";
import { Names } from "./names.ts";

/**
 * Whether IPv6 is off on an interface, again and again without starting a process: devd(8) of FreeBSD
 * may switch it off at any time on one that has just come. Its socket is opened at once, so that it
 * outlives chroot and user.
 */
export class BsdNeighbourDiscovery {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #names: Names;
  /** struct in6_ndireq */
  readonly #request: number;
  /** Negative where nothing can be asked: there is no IPv6, or no such request. */
  readonly #fd: number;

  /** @param arena for one request, as long as this lives */
  constructor(libc: Libc, arena: Arena) {
    const { SIOCGIFINFO_IN6, SIZEOF_IN6_NDIREQ, AF_INET6, SOCK_CLOEXEC } = bsdLayout(libc);
    const isAsked = SIOCGIFINFO_IN6 !== NONE;
    this.#libc = libc;
    this.#arena = arena;
    this.#names = new Names(libc, this.#arena);
    this.#request = this.#arena.take(isAsked ? SIZEOF_IN6_NDIREQ : 0);
    this.#fd = isAsked ? libc.call.socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
  }

  isDisabled(name: string): boolean {
    if (this.#fd < 0) return false;
    const { SIOCGIFINFO_IN6, SIZEOF_IN6_NDIREQ, IN6_NDIREQ_FLAGS_AT, ND6_IFF_IFDISABLED } =
      bsdLayout(this.#libc);
    const at = this.#request;
    this.#arena.u8.fill(0, at, at + SIZEOF_IN6_NDIREQ);
    this.#names.write(at, name);
    const address = this.#arena.address(at);
    if (this.#libc.call.ioctl(this.#fd, SIOCGIFINFO_IN6, address) !== 0) return false;
    return (this.#arena.u32[(at + IN6_NDIREQ_FLAGS_AT) >> 2]! & ND6_IFF_IFDISABLED) !== 0;
  }

  close(): void {
    if (this.#fd >= 0) this.#libc.call.close(this.#fd);
  }
}
