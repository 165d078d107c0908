import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { FastPathPrograms } from "./programs.ts";
import { reasonOf } from "./relay_fast_path.ts";

/** Of the interface `lo`, in every network namespace. */
const LOOPBACK = 1;
const ARENA = 64 * 1024;
/** Any will do: without a lease the programs let everything be. */
const OPTIONS = { servicePort: 1, prefix: 0x20010000, served: undefined, ttl: 64, peers: 1 };

/**
 * Why this process and this kernel can have no fast path; undefined: they can. The programs are loaded,
 * and attached to the loopback interface for a moment, where they do nothing.
 */
export function fastPathProblem(libc: Libc): string | undefined {
  const arena = Arena.plain(libc, ARENA);
  try {
    const programs = new FastPathPrograms(libc, arena, OPTIONS);
    try {
      programs.attach([], LOOPBACK);
    } finally {
      programs.close();
    }
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    arena.close();
  }
}
