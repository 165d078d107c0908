import type { Arena } from "#ffi/arena.ts";
import type { BsdLayout } from "#ffi/bsd/layout.ts";
import { sockaddrHead } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  IFREQ_FLAGS_AT,
  IFREQ_NAME_AT,
  SIZEOF_SOCKADDR_IN6,
  SOCKADDR_IN6_ADDR_AT,
} from "#ffi/posix.ts";
import { bsdLayout } from "./layout.ts";
import { Names } from "./names.ts";

/**
 * Questions about interfaces by their names, through ioctl(2), again and again: they start no process,
 * take no privilege and no new memory.
 */
export class Requests {
  readonly #libc: Libc;
  readonly #layout: BsdLayout;
  readonly #arena: Arena;
  readonly #names: Names;
  /** struct ifreq, struct ifmediareq, struct in6_ifreq */
  readonly #request: number;
  readonly #length: number;
  readonly #fd: number;

  /**
   * @param arena for one request, as long as this lives
   * @param fd a datagram socket of the caller's
   */
  constructor(libc: Libc, arena: Arena, fd: number) {
    this.#libc = libc;
    this.#layout = bsdLayout(libc);
    this.#arena = arena;
    this.#names = new Names(libc, arena);
    this.#length = longestOf(this.#layout);
    this.#request = arena.take(this.#length);
    this.#fd = fd;
  }

  /** @returns IFF_ flags, or a negative errno: -ENXIO where there is no such interface */
  flagsOf(name: string): number {
    const errno = this.#ask(this.#layout.SIOCGIFFLAGS, name);
    return errno === 0 ? this.#arena.u16[(this.#request + IFREQ_FLAGS_AT) >> 1]! : -errno;
  }

  /** @returns bytes, or a negative errno */
  mtuOf(name: string): number {
    const { SIOCGIFMTU, IFREQ_MTU_AT } = this.#layout;
    const errno = this.#ask(SIOCGIFMTU, name);
    return errno === 0 ? this.#arena.i32[(this.#request + IFREQ_MTU_AT) >> 2]! : -errno;
  }

  /** Whether an interface is plugged in, as far as the kernel says: a tunnel is plugged into nothing. */
  hasCarrier(name: string): boolean {
    const { SIOCGIFMEDIA, IFMEDIAREQ_STATUS_AT, IFM_ACTIVE, IFM_AVALID } = this.#layout;
    if (this.#ask(SIOCGIFMEDIA, name) !== 0) return true;
    const status = this.#arena.i32[(this.#request + IFMEDIAREQ_STATUS_AT) >> 2]!;
    return (status & IFM_AVALID) === 0 || (status & IFM_ACTIVE) !== 0;
  }

  /**
   * Whether an interface lacks an address. False also where the kernel does not say: it takes an IPv6
   * socket.
   *
   * @param address 16 bytes; the zone of a link-local one is the interface
   */
  lacksAddress(name: string, address: Uint8Array): boolean {
    const { SIOCGIFAFLAG_IN6, EADDRNOTAVAIL } = this.#layout;
    return this.#ask(SIOCGIFAFLAG_IN6, name, address) === EADDRNOTAVAIL;
  }

  /**
   * What the kernel says of an interface's address.
   *
   * @param address 16 bytes
   * @returns IN6_IFF_ flags, which are the same on all these systems, or a negative errno
   */
  addressFlags(name: string, address: Uint8Array): number {
    const { SIOCGIFAFLAG_IN6, IN6_IFREQ_ADDR_AT } = this.#layout;
    const errno = this.#ask(SIOCGIFAFLAG_IN6, name, address);
    return errno === 0 ? this.#arena.i32[(this.#request + IN6_IFREQ_ADDR_AT) >> 2]! : -errno;
  }

  /** @returns 0, and the answer is in the request; or an errno */
  #ask(request: number, name: string, address?: Uint8Array): number {
    const { AF_INET6, IN6_IFREQ_ADDR_AT } = this.#layout;
    const at = this.#request;
    this.#arena.u8.fill(0, at, at + this.#length);
    this.#names.write(at + IFREQ_NAME_AT, name);
    if (address !== undefined) {
      const head = sockaddrHead(this.#layout, AF_INET6, SIZEOF_SOCKADDR_IN6);
      this.#arena.u16[(at + IN6_IFREQ_ADDR_AT) >> 1] = head;
      this.#arena.u8.set(address, at + IN6_IFREQ_ADDR_AT + SOCKADDR_IN6_ADDR_AT);
    }
    const result = this.#libc.call.ioctl(this.#fd, request, this.#arena.address(at));
    return result === 0 ? 0 : this.#libc.errno();
  }
}

function longestOf({ SIZEOF_IFREQ, SIZEOF_IFMEDIAREQ, SIZEOF_IN6_IFREQ }: BsdLayout): number {
  return Math.max(SIZEOF_IFREQ, SIZEOF_IFMEDIAREQ, SIZEOF_IN6_IFREQ);
}
