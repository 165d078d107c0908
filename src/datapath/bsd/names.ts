import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { IFNAMSIZ, SOCK_DGRAM } from "#ffi/posix.ts";

/** Names of interfaces in memory that the kernel reads and writes. Questions by name take new memory: for start-up only. */
export class Names {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #name: number;

  constructor(libc: Libc, arena: Arena) {
    this.#libc = libc;
    this.#arena = arena;
    this.#name = arena.take(IFNAMSIZ);
  }

  exists(name: string): boolean {
    return this.indexOf(name) !== 0;
  }

  /** @returns 0 when there is no interface of this name */
  indexOf(name: string): number {
    return this.#libc.call.if_nametoindex(this.#arena.address(this.#arena.cString(name)));
  }

  /** @returns undefined when there is no interface of this number */
  ofIndex(index: number): string | undefined {
    const found = this.#libc.call.if_indextoname(index, this.#arena.address(this.#name));
    return Number(found) === 0 ? undefined : this.text(this.#name);
  }

  /** The text in the IFNAMSIZ bytes at offset `at` of the arena. */
  text(at: number): string {
    const bytes = this.#arena.u8.slice(at, at + IFNAMSIZ);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** Writes a name of at most 15 bytes into IFNAMSIZ zero bytes. */
  write(at: number, name: string): void {
    new TextEncoder().encodeInto(name, this.#arena.u8.subarray(at, at + IFNAMSIZ - 1));
  }

  /** For a request about an interface, which any socket takes. @throws SyscallError */
  withSocket<T>(family: number, flags: number, use: (fd: number) => T): T {
    const fd = this.#libc.call.socket(family, SOCK_DGRAM | flags, 0);
    check(this.#libc, fd, "socket", "SOCK_DGRAM");
    try {
      return use(fd);
    } finally {
      this.#libc.call.close(fd);
    }
  }
}
