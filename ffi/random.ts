import { Arena } from "./arena.ts";
import { SyscallError } from "./errors.ts";
import { type Libc } from "./libc.ts";
import { EINTR } from "./linux_errno.ts";

/**
 * `length` bytes from the kernel's random number generator, fit for keys. Waits for its first seed.
 *
 * Makes memory for each call: for keys and seeds, not for packets.
 *
 * @returns memory of the caller's own
 * @throws SyscallError
 */
export function randomBytes(libc: Libc, length: number): Uint8Array {
  const arena = new Arena(libc, Math.max(length, 1));
  try {
    fill(libc, arena, arena.take(length), length);
    return arena.u8.slice(0, length);
  } finally {
    arena.u8.fill(0, 0, length); // what may be a key is left nowhere else
    arena.close();
  }
}

function fill(libc: Libc, arena: Arena, at: number, length: number): void {
  let done = 0;
  // A signal can cut short any request above 256 bytes. getrandom(2)
  while (done < length) {
    const got = libc.call.getrandom(arena.address(at + done), length - done, 0);
    if (got >= 0) done += got;
    else {
      const errno = libc.errno();
      if (errno !== EINTR) throw new SyscallError("getrandom", `${length} bytes`, errno);
    }
  }
}
