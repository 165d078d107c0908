import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS } from "#ffi/linux/mod.ts";
import { CLEAR_AMBIENT, setCapabilities } from "./capabilities.ts";
import { EachThread } from "./threads.ts";

const ARENA = 4096;

/**
 * Leaves this process no capability on any thread, none that it could get by what it executes, and nobody
 * who looks into it. For one that reads what strangers say by code that no filter of calls fits.
 *
 * @throws SyscallError, Error of `node:fs`: as without /proc
 */
export function giveUpRights(libc: Libc): void {
  const arena = Arena.plain(libc, ARENA);
  const threads = new EachThread(libc);
  threads.make([
    ["prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0],
    CLEAR_AMBIENT,
    setCapabilities(arena, []),
  ]);
  threads.close();
  arena.close();
  libc.call.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
