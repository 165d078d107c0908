import type { Libc } from "#ffi/libc.ts";
import { bsdHost } from "./bsd/mod.ts";
import type { Host } from "./contract.ts";
import { linuxHost } from "./linux/mod.ts";
import { ignoreNameless } from "./linux/signals.ts";

/** The machine that `libc` belongs to. */
export function hostOf(libc: Libc): Host {
  return libc.layout.system === "Linux" ? linuxHost(libc) : bsdHost(libc);
}

/** Keeps signals that a runtime has no name for from ending this process, where there are such. */
export function ignoreNamelessSignals(libc: Libc): void {
  if (libc.layout.system === "Linux") ignoreNameless(libc);
}
