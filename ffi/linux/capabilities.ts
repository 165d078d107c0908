import type { Arena } from "../arena.ts";
import type { Libc } from "../libc.ts";
import {
  _LINUX_CAPABILITY_VERSION_3,
  PR_CAPBSET_READ,
  SIZEOF_USER_CAP_DATA,
  SIZEOF_USER_CAP_HEADER,
  USER_CAP_DATA_EFFECTIVE_AT,
  USER_CAP_DATA_PERMITTED_AT,
  USER_CAP_HEADER_VERSION_AT,
} from "./mod.ts";

/** Capabilities are numbered below this; the kernel refuses a number that it does not have. */
const MAX_CAPABILITIES = 64;

/** Numbers of all that are in this thread's bounding set, but for some. */
export function boundingBut({ prctl }: Libc["call"], kept: readonly number[]): number[] {
  return Array.from({ length: MAX_CAPABILITIES }, (_, number) => number)
    .filter((it) => !kept.includes(it) && prctl(PR_CAPBSET_READ, it, 0, 0, 0) === 1);
}

/** What capset(2) takes for these to be permitted and effective, and none inheritable: two addresses. */
export function capabilitySets(
  arena: Arena,
  kept: readonly number[],
): { readonly header: number; readonly data: number } {
  const header = arena.take(SIZEOF_USER_CAP_HEADER);
  // The second holds the capabilities from 32 on.
  const data = arena.take(2 * SIZEOF_USER_CAP_DATA);
  arena.u32[(header + USER_CAP_HEADER_VERSION_AT) >> 2] = _LINUX_CAPABILITY_VERSION_3;
  for (const number of kept) {
    const row = data + SIZEOF_USER_CAP_DATA * (number >> 5);
    for (const at of [row + USER_CAP_DATA_EFFECTIVE_AT, row + USER_CAP_DATA_PERMITTED_AT]) {
      arena.u32[at >> 2] = (arena.u32[at >> 2]! | (1 << (number & 31))) >>> 0;
    }
  }
  return { header: arena.address(header), data: arena.address(data) };
}
