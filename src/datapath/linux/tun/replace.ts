import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { dup3 } from "#ffi/linux/dup3.ts";

/**
 * Puts new queues in the place of old ones: a thread that works on an old descriptor works on the new
 * queue from its next call on. The interface of the old ones goes with them.
 *
 * @throws SyscallError
 */
export function replaceQueues(libc: Libc, old: readonly number[], queues: readonly number[]): void {
  queues.forEach((fd, i) => {
    check(libc, dup3(libc, fd, old[i]!), "dup3", "a TUN queue");
    libc.call.close(fd);
  });
}
