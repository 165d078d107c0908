import assert from "node:assert/strict";
import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { AF_UNIX, MSG_DONTWAIT, SOCK_DGRAM } from "#ffi/linux/mod.ts";

const MAX_LENGTH = 8192;

/** A datagram socket of the kind that a service manager or a syslog daemon listens on. */
export function datagramReceiver(libc: Libc, path: string) {
  const arena = new Arena(libc, 2 * MAX_LENGTH);
  const fd = libc.call.socket(AF_UNIX, SOCK_DGRAM, 0);
  const at = arena.take(110);
  arena.u16[at >> 1] = AF_UNIX;
  const name = new TextEncoder().encode(path);
  arena.u8.set(name, at + 2);
  if (path.startsWith("@")) arena.u8[at + 2] = 0;
  assert.equal(libc.call.bind(fd, arena.address(at), 2 + name.length), 0);
  const into = arena.take(MAX_LENGTH);
  return {
    /** The next one; undefined: there is none yet. */
    read: () => {
      const length = libc.call.recv(fd, arena.address(into), MAX_LENGTH, MSG_DONTWAIT);
      return length < 0 ? undefined : new TextDecoder().decode(arena.u8.slice(into, into + length));
    },
    close: () => libc.call.close(fd),
  };
}
