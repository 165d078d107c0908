import { statSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import {
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_IOCTL_DEV,
  LANDLOCK_ACCESS_FS_MAKE_SYM,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_REFER,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
  LANDLOCK_ACCESS_NET_BIND_TCP,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  LANDLOCK_CREATE_RULESET_VERSION,
  LANDLOCK_PATH_BENEATH_ATTR_ALLOWED_ACCESS_AT,
  LANDLOCK_PATH_BENEATH_ATTR_PARENT_FD_AT,
  LANDLOCK_RULE_PATH_BENEATH,
  LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_FS_AT,
  LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_NET_AT,
  LANDLOCK_RULESET_ATTR_SCOPED_AT,
  LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
  LANDLOCK_SCOPE_SIGNAL,
  O_CLOEXEC,
  O_PATH,
  SIZEOF_LANDLOCK_PATH_BENEATH_ATTR,
  SIZEOF_LANDLOCK_RULESET_ATTR,
} from "#ffi/linux/mod.ts";

/** LANDLOCK_ACCESS_FS_... bits that stay for what is beneath a path. */
export interface Grant {
  readonly path: string;
  readonly access: number;
}

export interface Wanted {
  readonly grants: readonly Grant[];
  /** Whether sockets of abstract names stay in reach. */
  readonly abstract: boolean;
  /** Whether processes outside may get signals. */
  readonly signals: boolean;
}

/** All rights to files that version 1 knows; later ones add a bit each. */
const FIRST = 2 * LANDLOCK_ACCESS_FS_MAKE_SYM - 1;
const LATER: readonly (readonly [version: number, access: number])[] = [
  [2, LANDLOCK_ACCESS_FS_REFER],
  [3, LANDLOCK_ACCESS_FS_TRUNCATE],
  [5, LANDLOCK_ACCESS_FS_IOCTL_DEV],
];
/** Those that something else than a folder can have. */
const OF_FILES = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
  LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV;
const NET_VERSION = 4;
const ABSTRACT_VERSION = 6;
/**
 * Signals can be kept in from version 6 on, but Linux 6.12 did not let them pass between threads of one
 * process then, which a garbage collector needs.
 */
const SIGNAL_VERSION = 7;
const ARENA = 64 * 1024;

/** Version of Landlock that the kernel has, or why it has none. */
export function landlockVersion(libc: Libc): number | string {
  const number = callsOf().numberOf("landlock_create_ruleset")!;
  const version = libc.call.syscall(number, 0, 0, LANDLOCK_CREATE_RULESET_VERSION, 0);
  if (version > 0) return version;
  return `the kernel has no Landlock: ${errnoName(libc.layout, libc.errno())}`;
}

/** What a version takes away, in words. @param wanted what may stay in reach whatever it knows */
export function landlockText(
  version: number,
  wanted: Pick<Wanted, "abstract" | "signals"> = { abstract: false, signals: false },
): string {
  const more = [
    version >= NET_VERSION ? "TCP" : undefined,
    version >= ABSTRACT_VERSION && !wanted.abstract ? "abstract sockets" : undefined,
    version >= SIGNAL_VERSION && !wanted.signals ? "signals" : undefined,
  ].filter((it) => it !== undefined);
  return `version ${version}: ${["files", ...more].join(", ")}`;
}

/**
 * Makes a ruleset that leaves what is wanted of files, and nothing of TCP. A path that is not there, or
 * that this process may not see, is left out.
 *
 * @returns a descriptor, for landlock_restrict_self(2), which the caller closes
 * @throws SyscallError
 */
export function makeRuleset(libc: Libc, version: number, wanted: Wanted): number {
  const arena = Arena.plain(libc, ARENA);
  try {
    const handled = LATER.filter(([since]) => version >= since)
      .reduce((bits, [, bit]) => bits | bit, FIRST);
    const ruleset = create(libc, arena, version, handled, wanted);
    for (const { path, access } of wanted.grants) {
      addPath(libc, arena, ruleset, path, access & handled);
    }
    return ruleset;
  } finally {
    arena.close();
  }
}

/** A kernel takes the structure in any length, as long as what it does not know is zero. */
function create(
  libc: Libc,
  arena: Arena,
  version: number,
  handled: number,
  { abstract, signals }: Wanted,
): number {
  const at = arena.take(SIZEOF_LANDLOCK_RULESET_ATTR);
  const net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
  const scoped =
    (version >= ABSTRACT_VERSION && !abstract ? LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET : 0) |
    (version >= SIGNAL_VERSION && !signals ? LANDLOCK_SCOPE_SIGNAL : 0);
  arena.writeU64(at + LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_FS_AT, handled);
  arena.writeU64(
    at + LANDLOCK_RULESET_ATTR_HANDLED_ACCESS_NET_AT,
    version >= NET_VERSION ? net : 0,
  );
  arena.writeU64(at + LANDLOCK_RULESET_ATTR_SCOPED_AT, scoped);
  const number = callsOf().numberOf("landlock_create_ruleset")!;
  const size = SIZEOF_LANDLOCK_RULESET_ATTR;
  const fd = libc.call.syscall(number, arena.address(at), size, 0, 0);
  return check(libc, fd, "landlock_create_ruleset", `version ${version}`);
}

function addPath(libc: Libc, arena: Arena, ruleset: number, path: string, access: number): void {
  const fd = libc.call.open(arena.address(arena.cString(path)), O_PATH | O_CLOEXEC, 0);
  if (fd < 0) return;
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const rule = arena.take(SIZEOF_LANDLOCK_PATH_BENEATH_ATTR);
  const rights = isFolder ? access : access & OF_FILES;
  arena.writeU64(rule + LANDLOCK_PATH_BENEATH_ATTR_ALLOWED_ACCESS_AT, rights);
  arena.i32[(rule + LANDLOCK_PATH_BENEATH_ATTR_PARENT_FD_AT) >> 2] = fd;
  const number = callsOf().numberOf("landlock_add_rule")!;
  // It is refused for what has no place in a file system, as a pipe: nothing takes that away either.
  libc.call.syscall(number, ruleset, LANDLOCK_RULE_PATH_BENEATH, arena.address(rule), 0);
  libc.call.close(fd);
}
