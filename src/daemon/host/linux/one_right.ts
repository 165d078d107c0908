import { constants } from "node:os";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  CAP_NET_ADMIN,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
} from "#ffi/linux/mod.ts";
import { boundingBut, capabilitySets } from "#ffi/linux/capabilities.ts";
import type { User } from "../contract.ts";
import { dropPrivileges } from "../../privileges.ts";

const KEPT = [CAP_NET_ADMIN];

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
  setCapabilities(libc);
  // After the user: the kernel forgets it when that changes.
  const signal = constants.signals.SIGKILL;
  check(libc, libc.call.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl", "PR_SET_PDEATHSIG");
}

/** As far as that is allowed: without CAP_SETPCAP it is not. */
function shrinkBoundingSet({ call }: Libc): void {
  for (const number of boundingBut(call, KEPT)) {
    if (call.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) !== 0) return;
  }
}

/** These are permitted and effective; none is inheritable, with which the ambient ones go. */
function setCapabilities(libc: Libc): void {
  const arena = Arena.plain(libc, 4096);
  try {
    const { header, data } = capabilitySets(arena, KEPT);
    check(libc, libc.call.capset(header, data), "capset", "CAP_NET_ADMIN");
  } finally {
    arena.close();
  }
}
