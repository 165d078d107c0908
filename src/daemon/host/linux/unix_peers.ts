import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  SIZEOF_UCRED,
  SO_PEERCRED,
  SO_PEERGROUPS,
  SOL_SOCKET,
  UCRED_GID_AT,
  UCRED_UID_AT,
} from "#ffi/linux/socket.ts";
import { SIZEOF_SOCKLEN_T } from "#ffi/posix.ts";
import type { UnixPeer, UnixPeers } from "../contract.ts";

/** Supplementary groups looked at; of a process that has more, none is. */
const MAX_GROUPS = 1_024;

/** By SO_PEERCRED and SO_PEERGROUPS: as the peer was when it connected. unix(7) */
export function linuxUnixPeers(libc: Libc): UnixPeers {
  const arena = Arena.plain(libc, 65_536);
  const value = arena.take(4 * MAX_GROUPS);
  const length = arena.take(SIZEOF_SOCKLEN_T);
  const at = value >> 2;
  const option = (fd: number, name: number, room: number): number | undefined => {
    arena.u32[length >> 2] = room;
    const [to, size] = [arena.address(value), arena.address(length)];
    const failed = libc.call.getsockopt(fd, SOL_SOCKET, name, to, size) !== 0;
    return failed ? undefined : arena.u32[length >> 2]!;
  };
  const peerOf = (fd: number): UnixPeer | undefined => {
    if (option(fd, SO_PEERCRED, SIZEOF_UCRED) !== SIZEOF_UCRED) return undefined;
    const uid = arena.u32[(value + UCRED_UID_AT) >> 2]!;
    const gid = arena.u32[(value + UCRED_GID_AT) >> 2]!;
    // Linux before 4.13 does not tell the others.
    const bytes = option(fd, SO_PEERGROUPS, 4 * MAX_GROUPS) ?? 0;
    return { uid, gids: [gid, ...arena.u32.subarray(at, at + (bytes >> 2))] };
  };
  return { peerOf, close: () => arena.close() };
}
