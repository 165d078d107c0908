import * as linux from "./linux.ts";

/** Constants and structure layouts of one kernel, under the names of `linux.ts`. */
export type Layout = typeof linux;

/** What differs between the kernels this runs on. */
export interface Platform {
  readonly layout: Layout;
  /** Shared libraries to try, in order. */
  readonly libcPaths: readonly string[];
  /** The function of libc that returns the address of this thread's errno. */
  readonly errnoLocation: string;
}

/** This kernel or processor is not one whose layouts are known. */
export class PlatformError extends Error {
  readonly code = "ERR_PLATFORM";
  override readonly name = "PlatformError";
}

const LINUX: Platform = {
  layout: linux,
  // glibc, then musl, which has the same layouts: where its int and padding stand for a size_t, as
  // in msghdr.msg_iovlen, the upper half is zero.
  libcPaths: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"],
  errnoLocation: "__errno_location",
};

// FREEBSD will stand here: `freebsd.ts` with the names of `linux.ts`, "libc.so.7" and "__error".
const BSD: Readonly<Record<string, string>> = {
  freebsd: "FreeBSD",
  openbsd: "OpenBSD",
  netbsd: "NetBSD",
  dragonfly: "DragonFly BSD",
};

/** Every layout here is little-endian with 64-bit pointers. */
const ARCHITECTURES = ["x64", "arm64"];

/**
 * @param kernel as `process.platform` names it
 * @param architecture as `process.arch` names it
 * @throws PlatformError
 */
export function platformOf(kernel: string, architecture: string): Platform {
  if (kernel !== "linux") throw new PlatformError(unsupported(kernel));
  if (!ARCHITECTURES.includes(architecture)) {
    throw new PlatformError(
      `${architecture} is not supported by this build: it knows the C layouts of x86-64 and ` +
        "aarch64 only",
    );
  }
  return LINUX;
}

function unsupported(kernel: string): string {
  const bsd = BSD[kernel];
  if (bsd === undefined) return `${kernel} is not supported by this build: it runs on Linux`;
  return `${bsd} is not supported by this build yet: the layouts of its system calls are missing ` +
    "(ffi/linux.ts has those of Linux)";
}
