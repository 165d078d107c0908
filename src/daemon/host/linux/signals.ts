import type { Libc } from "#ffi/libc.ts";
import { SIG_IGN, SIGRTMAX, SIGRTMIN, SIGSTKFLT } from "#ffi/linux/mod.ts";

/** The signals that a runtime lets nobody listen to would end the process: nothing is said of them. */
export function ignoreNameless({ call }: Libc): void {
  call.signal(SIGSTKFLT, SIG_IGN);
  // Those that a C library keeps for itself it refuses.
  for (let number = SIGRTMIN; number <= SIGRTMAX; number++) call.signal(number, SIG_IGN);
}
