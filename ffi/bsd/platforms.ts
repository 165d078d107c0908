import type { FunctionName, LibcNames, Platform } from "../libc.ts";
import { DRAGONFLY } from "./dragonfly.ts";
import { FREEBSD } from "./freebsd.ts";
import { NETBSD, NETBSD_ARM64 } from "./netbsd.ts";
import { OPENBSD } from "./openbsd.ts";

/** syscall() is there on some, but the numbers that it is called with are Linux's. */
const LINUX_ONLY: readonly FunctionName[] = ["syscall", "prctl", "capset"];
const NOT_OURS: readonly FunctionName[] = [...LINUX_ONLY, "unveil"];

/** NetBSD keeps what a name meant to old programs, and gives its new meaning another symbol. */
const NETBSD_NAMES: LibcNames = {
  errnoLocation: "__errno",
  symbols: { socket: "__socket30" },
  missing: NOT_OURS,
};

/**
 * The BSDs, by what `process.platform` calls them, and by that and `process.arch` where the
 * processor makes a difference.
 */
export const BSD_PLATFORMS: Readonly<Record<string, Platform>> = {
  freebsd: {
    layout: FREEBSD,
    libcPaths: ["libc.so.7"],
    names: { errnoLocation: "__error", symbols: {}, missing: NOT_OURS },
  },
  // The version of libc changes with every release, and nothing links to the current one: without a
  // version, ld.so takes the newest of those in /usr/lib. See dlopen(3).
  openbsd: {
    layout: OPENBSD,
    libcPaths: ["libc.so"],
    names: { errnoLocation: "__errno", symbols: {}, missing: LINUX_ONLY },
  },
  netbsd: { layout: NETBSD, libcPaths: ["libc.so.12"], names: NETBSD_NAMES },
  "netbsd arm64": { layout: NETBSD_ARM64, libcPaths: ["libc.so.12"], names: NETBSD_NAMES },
  // Its errno is a thread-local variable; __errno_location() is there for other languages.
  dragonfly: {
    layout: DRAGONFLY,
    libcPaths: ["libc.so.8"],
    names: {
      errnoLocation: "__errno_location",
      symbols: {},
      missing: ["recvmmsg", "sendmmsg", ...NOT_OURS],
    },
  },
};

/**
 * @param kernel as `process.platform` names it
 * @param architecture as `process.arch` names it
 */
export function bsdPlatform(kernel: string, architecture: string): Platform | undefined {
  return BSD_PLATFORMS[`${kernel} ${architecture}`] ?? BSD_PLATFORMS[kernel];
}
