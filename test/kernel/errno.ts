import type { Layout } from "#ffi/layout.ts";

/** How the model of a kernel answers a call that fails: with -1, and this in errno. */
export class Errno extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/**
 * Something that the model knows no answer to: an ioctl, an option, a bit of flags, a length. Never
 * an answer of success, and not to be mistaken for what a kernel would say: the test fails.
 */
export class UnknownCall extends Error {}

/** @param what e.g. `ioctl 0x8004745e of tun` */
export function unknown(what: string): never {
  throw new UnknownCall(`the paper kernel does not know ${what}`);
}

/** The number of an error that posix.ts and Layout do not name, e.g. `ENETUNREACH`. */
export function errnoOf(layout: Layout, symbol: string): number {
  for (const [number, [name]] of layout.errors) if (name === symbol) return number;
  throw new Error(`${layout.system} has no ${symbol}`);
}
