import { bsdPlatform } from "./bsd/platforms.ts";
import type { Platform } from "./libc.ts";
import { LINUX } from "./linux/layout.ts";

/** This kernel or processor is not one whose layouts are known. */
export class PlatformError extends Error {
  readonly code = "ERR_PLATFORM";
  override readonly name = "PlatformError";
}

const ON_LINUX: Platform = {
  layout: LINUX,
  // glibc, then musl, which has the same layouts: where its int and padding stand for a size_t, as
  // in msghdr.msg_iovlen, the upper half is zero.
  libcPaths: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"],
  // glibc dropped sysctl() in 2.32, musl never had it: Linux has /proc/sys.
  names: {
    errnoLocation: "__errno_location",
    symbols: {},
    missing: ["sysctl", "getpeereid", "unveil"],
  },
};

/** Every layout here is little-endian with 64-bit pointers. */
const ARCHITECTURES = ["x64", "arm64"];

/**
 * @param kernel as `process.platform` names it
 * @param architecture as `process.arch` names it
 * @throws PlatformError
 */
export function platformOf(kernel: string, architecture: string): Platform {
  const platform = kernel === "linux" ? ON_LINUX : bsdPlatform(kernel, architecture);
  if (platform === undefined) {
    throw new PlatformError(
      `${kernel} is not supported by this build: it runs on Linux, FreeBSD, OpenBSD, NetBSD and ` +
        "DragonFly BSD",
    );
  }
  if (!ARCHITECTURES.includes(architecture)) {
    throw new PlatformError(
      `${architecture} is not supported by this build: it knows the C layouts of x86-64 and ` +
        "aarch64 only",
    );
  }
  return platform;
}
