import type { BsdLayout } from "#ffi/bsd/layout.ts";
import type { Libc } from "#ffi/libc.ts";

/** What a BSD's libc says of its kernel beyond `Layout`. */
export function bsdLayout(libc: Libc): BsdLayout {
  if (libc.layout.system === "Linux") throw new TypeError("Linux is no BSD");
  return libc.layout as BsdLayout;
}
