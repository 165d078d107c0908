import { readFileSync } from "node:fs";
import type { Libc } from "#ffi/libc.ts";
import { SIG_IGN, SIGPWR, SIGRTMAX, SIGRTMIN, SIGSTKFLT } from "#ffi/linux/mod.ts";
import { hasSignal } from "./proc.ts";

/** The signals that a runtime lets nobody listen to would end the process: nothing is said of them. */
export function ignoreNameless({ call }: Libc): void {
  call.signal(SIGSTKFLT, SIG_IGN);
  // By it some runtimes stop their threads to collect garbage; to others it is as the rest.
  if (!isHeard(SIGPWR)) call.signal(SIGPWR, SIG_IGN);
  // Those that a C library keeps for itself it refuses.
  for (let number = SIGRTMIN; number <= SIGRTMAX; number++) call.signal(number, SIG_IGN);
}

/** Where that cannot be told it may be, and is left as it is. */
function isHeard(signal: number): boolean {
  try {
    return hasSignal(readFileSync("/proc/self/status", "utf8"), "SigCgt", signal);
  } catch {
    return true;
  }
}
