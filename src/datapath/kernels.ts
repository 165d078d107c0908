import type { Libc } from "#ffi/libc.ts";
import { bsdKernel } from "./bsd/kernel.ts";
import type { Kernel } from "./kernel.ts";
import { LINUX_KERNEL } from "./linux/kernel.ts";

/** The kernel that `libc` belongs to. */
export function kernelOf(libc: Libc): Kernel {
  return libc.layout.system === "Linux" ? LINUX_KERNEL : bsdKernel(libc);
}
