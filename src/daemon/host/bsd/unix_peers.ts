import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { UnixPeer, UnixPeers } from "../contract.ts";

/** By getpeereid(3): effective user and group of the peer when it connected. */
export function bsdUnixPeers(libc: Libc): UnixPeers {
  const arena = new Arena(libc, 65_536);
  const [uid, gid] = [arena.take(4), arena.take(4)];
  const peerOf = (fd: number): UnixPeer | undefined => {
    const failed = libc.call.getpeereid(fd, arena.address(uid), arena.address(gid)) !== 0;
    return failed ? undefined : { uid: arena.u32[uid >> 2]!, gids: [arena.u32[gid >> 2]!] };
  };
  return { peerOf, close: () => arena.close() };
}
