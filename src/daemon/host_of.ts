import type { Libc } from "#ffi/libc.ts";
import { bsdHost } from "./bsd_host.ts";
import type { Host } from "./host.ts";
import { linuxHost } from "./linux_host.ts";

/** The machine that `libc` belongs to. */
export function hostOf(libc: Libc): Host {
  return libc.layout.system === "Linux" ? linuxHost(libc) : bsdHost(libc);
}
