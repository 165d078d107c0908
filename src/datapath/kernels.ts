import type { Libc } from "#ffi/libc.ts";
import type { Kernel } from "./kernel.ts";
import { LINUX_KERNEL } from "./linux/kernel.ts";

/** The kernel that `libc` belongs to. */
export function kernelOf(_libc: Libc): Kernel {
  return LINUX_KERNEL;
}
