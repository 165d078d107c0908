import { constants } from "node:os";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  _LINUX_CAPABILITY_VERSION_3,
  CAP_NET_ADMIN,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  SIZEOF_USER_CAP_DATA,
  SIZEOF_USER_CAP_HEADER,
  USER_CAP_DATA_EFFECTIVE_AT,
  USER_CAP_DATA_PERMITTED_AT,
  USER_CAP_HEADER_VERSION_AT,
} from "#ffi/linux/mod.ts";
import type { User } from "../contract.ts";
import { dropPrivileges } from "../../privileges.ts";

/** Capabilities are numbered below this; the kernel refuses a number that it does not have. */
const MAX_CAPABILITIES = 64;

/**
 * Has this thread, and all that come from it, gain nothing by what they execute.
 *
 * @throws SyscallError
 */
export function forbidNewPrivileges(libc: Libc): void {
  check(libc, libc.call.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "PR_SET_NO_NEW_PRIVS");
}

/**
 * Becomes the user, and keeps CAP_NET_ADMIN alone, on the calling thread alone: the kernel takes all
 * from the other threads, which have not asked to keep theirs. The process ends with its parent.
 *
 * @throws SyscallError, StartError
 */
export function keepOneRight(libc: Libc, user: User, chroot: string | undefined): void {
  forbidNewPrivileges(libc);
  shrinkBoundingSet(libc);
  check(libc, libc.call.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl", "PR_SET_KEEPCAPS");
  dropPrivileges(libc, user, chroot);
  setCapabilities(libc, 1 << CAP_NET_ADMIN);
  // After the user: the kernel forgets it when that changes.
  const signal = constants.signals.SIGKILL;
  check(libc, libc.call.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl", "PR_SET_PDEATHSIG");
}

/** As far as that is allowed: without CAP_SETPCAP it is not. */
function shrinkBoundingSet(libc: Libc): void {
  for (let capability = 0; capability < MAX_CAPABILITIES; capability++) {
    if (capability === CAP_NET_ADMIN) continue;
    if (libc.call.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) !== 0) return;
  }
}

/** These are permitted and effective; none is inheritable, with which the ambient ones go. */
function setCapabilities(libc: Libc, bits: number): void {
  const arena = new Arena(libc, 4096);
  try {
    const header = arena.take(SIZEOF_USER_CAP_HEADER);
    // The second holds the capabilities from 32 on.
    const data = arena.take(2 * SIZEOF_USER_CAP_DATA);
    arena.u32[(header + USER_CAP_HEADER_VERSION_AT) >> 2] = _LINUX_CAPABILITY_VERSION_3;
    arena.u32[(data + USER_CAP_DATA_EFFECTIVE_AT) >> 2] = bits;
    arena.u32[(data + USER_CAP_DATA_PERMITTED_AT) >> 2] = bits;
    const done = libc.call.capset(arena.address(header), arena.address(data));
    check(libc, done, "capset", "CAP_NET_ADMIN");
  } finally {
    arena.close();
  }
}
