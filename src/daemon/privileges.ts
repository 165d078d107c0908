import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import { StartError } from "#src/errors.ts";
import type { User } from "./host/contract.ts";

const ROOT = 0;

/**
 * Gives up what is no longer needed once everything is open.
 *
 * The order matters: the root directory while that is still allowed, then groups, then the user,
 * after which nothing more can be changed. libc applies each to all threads of the process.
 *
 * @throws SyscallError; StartError when the way back is still open
 */
export function dropPrivileges(
  libc: Libc,
  user: User | undefined,
  chroot: string | undefined,
): void {
  const arena = Arena.plain(libc, 64 * 1024);
  try {
    if (chroot !== undefined) changeRoot(libc, arena, chroot);
    if (user !== undefined) changeUser(libc, arena, user);
  } finally {
    arena.close();
  }
}

function changeRoot(libc: Libc, arena: Arena, path: string): void {
  check(libc, libc.call.chroot(arena.address(arena.cString(path))), "chroot", path);
  // Otherwise the working directory would be a way out.
  check(libc, libc.call.chdir(arena.address(arena.cString("/"))), "chdir", "/");
}

function changeUser(libc: Libc, arena: Arena, user: User): void {
  const { name, uid, gid, groups } = user;
  if (uid === ROOT) throw new StartError(`${name} is the superuser`, "choose another user");
  const at = arena.take(4 * groups.length);
  arena.u32.set(groups, at >> 2);
  check(libc, libc.call.setgroups(groups.length, arena.address(at)), "setgroups", name);
  // With the privilege to choose, these set the real, the effective and the saved one. setuid(2)
  check(libc, libc.call.setgid(gid), "setgid", String(gid));
  check(libc, libc.call.setuid(uid), "setuid", String(uid));
  if (libc.call.setuid(ROOT) === 0) {
    throw new StartError(`after becoming ${name} this process could become root again`);
  }
}
