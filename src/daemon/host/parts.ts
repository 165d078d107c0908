import { statSync } from "node:fs";
import { Arena } from "#ffi/arena.ts";
import { errnoName } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import { AF_INET, SOCK_DGRAM } from "#ffi/posix.ts";
import { bindIpv4 } from "#src/datapath/udp/socket.ts";
import type { Refusal } from "./contract.ts";

/** What every host answers in one way. */

/** Lets `use` have an arena for a call or two. */
export function withArena<T>(libc: Libc, use: (arena: Arena) => T): T {
  const arena = Arena.plain(libc, 4096);
  try {
    return use(arena);
  } finally {
    arena.close();
  }
}

/** See `Host.refusesUdp`. */
export function refusesUdp(libc: Libc, address: number, port: number): Refusal | undefined {
  const fd = libc.call.socket(AF_INET, SOCK_DGRAM | libc.layout.SOCK_CLOEXEC, 0);
  if (fd < 0) return refusal(libc, libc.errno());
  try {
    return withArena(libc, (arena) => {
      const bound = bindIpv4(libc, arena, fd, address, port) === 0;
      return bound ? undefined : refusal(libc, libc.errno());
    });
  } finally {
    libc.call.close(fd);
  }
}

function refusal({ layout }: Libc, errno: number): Refusal {
  return { code: layout.errors.get(errno)?.[0] ?? String(errno), text: errnoName(layout, errno) };
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
