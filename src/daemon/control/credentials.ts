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

/** Supplementary groups looked at; of a process that has more, none is. */
const MAX_GROUPS = 1_024;
const SUPERUSER = 0;

/** Who connected to a Unix socket, as the kernel noted it at that moment. */
export interface Peer {
  readonly uid: number;
  /** Those that the system tells: all on Linux, the effective one on a BSD. */
  readonly gids: readonly number[];
}

/** Asks the kernel who is at the other end of Unix sockets. */
export class Credentials {
  readonly #libc: Libc;
  readonly #arena: Arena;
  readonly #value: number;
  readonly #length: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#arena = new Arena(libc, 65_536);
    this.#value = this.#arena.take(4 * MAX_GROUPS);
    this.#length = this.#arena.take(SIZEOF_SOCKLEN_T);
  }

  /** @returns undefined when `fd` is no connected Unix socket */
  peerOf(fd: number): Peer | undefined {
    return this.#libc.has("getpeereid") ? this.#bsdPeer(fd) : this.#linuxPeer(fd);
  }

  close(): void {
    this.#arena.close();
  }

  #linuxPeer(fd: number): Peer | undefined {
    const { u32 } = this.#arena;
    if (this.#option(fd, SO_PEERCRED, SIZEOF_UCRED) !== SIZEOF_UCRED) return undefined;
    const uid = u32[(this.#value + UCRED_UID_AT) >> 2]!;
    const gid = u32[(this.#value + UCRED_GID_AT) >> 2]!;
    // Linux before 4.13 does not tell the others.
    const length = this.#option(fd, SO_PEERGROUPS, 4 * MAX_GROUPS) ?? 0;
    const at = this.#value >> 2;
    return { uid, gids: [gid, ...u32.subarray(at, at + (length >> 2))] };
  }

  #option(fd: number, name: number, room: number): number | undefined {
    const arena = this.#arena;
    const [value, length] = [arena.address(this.#value), arena.address(this.#length)];
    arena.u32[this.#length >> 2] = room;
    const failed = this.#libc.call.getsockopt(fd, SOL_SOCKET, name, value, length) !== 0;
    return failed ? undefined : arena.u32[this.#length >> 2]!;
  }

  #bsdPeer(fd: number): Peer | undefined {
    const { u32 } = this.#arena;
    const [uid, gid] = [this.#value, this.#value + 4];
    const { call } = this.#libc;
    if (call.getpeereid(fd, this.#arena.address(uid), this.#arena.address(gid)) !== 0) {
      return undefined;
    }
    return { uid: u32[uid >> 2]!, gids: [u32[gid >> 2]!] };
  }
}

/** Whether this is root, this process' own user, or a member of the group that the socket is for. */
export function mayControl({ uid, gids }: Peer, own: number, group: number): boolean {
  return uid === SUPERUSER || uid === own || gids.includes(group);
}
