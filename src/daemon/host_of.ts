import type { Libc } from "#ffi/libc.ts";
import type { Host } from "./host.ts";
import { linuxHost } from "./linux_host.ts";

/** The machine that `libc` belongs to. */
export function hostOf(libc: Libc): Host {
  return linuxHost(libc);
}
