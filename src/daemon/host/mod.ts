import type { Libc } from "#ffi/libc.ts";
import { bsdHost } from "./bsd/mod.ts";
import type { Host } from "./contract.ts";
import { linuxHost } from "./linux/mod.ts";

/** The machine that `libc` belongs to. */
export function hostOf(libc: Libc): Host {
  return libc.layout.system === "Linux" ? linuxHost(libc) : bsdHost(libc);
}
