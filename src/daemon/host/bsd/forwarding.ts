import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { IPPROTO_IPV6 } from "#ffi/posix.ts";

// <sys/sysctl.h>, <netinet6/in6.h>: the same on FreeBSD, OpenBSD, NetBSD and DragonFly BSD
const CTL_NET = 4;
const IPV6CTL_FORWARDING = 1;

/** `net.inet6.ip6.forwarding`, by number and so without starting sysctl(8). sysctl(3) */
export class BsdForwarding {
  readonly #libc: Libc;
  readonly #arena: Arena;
  /** int[4] */
  readonly #name: number;
  /** int */
  readonly #value: number;
  /** size_t */
  readonly #length: number;

  /** @param arena for one question, as long as this lives */
  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#arena = arena;
    this.#name = this.#arena.take(16);
    this.#value = this.#arena.take(4);
    this.#length = this.#arena.take(8);
    const name = [CTL_NET, libc.layout.AF_INET6, IPPROTO_IPV6, IPV6CTL_FORWARDING];
    this.#arena.i32.set(name, this.#name >> 2);
  }

  /** @returns undefined when the kernel knows no such variable: it has no IPv6 */
  read(): number | undefined {
    this.#arena.writeU64(this.#length, 4);
    const [name, value, length] = [this.#name, this.#value, this.#length]
      .map((at) => this.#arena.address(at)) as [number, number, number];
    if (this.#libc.call.sysctl(name, 4, value, length, 0, 0) !== 0) return undefined;
    return this.#arena.i32[this.#value >> 2];
  }
}
