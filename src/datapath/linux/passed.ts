import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { FIOCLEX } from "#ffi/linux/mod.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { boundUdp } from "./adopt_udp.ts";
import { interfaceOf } from "./tun/open.ts";

/** For the structures of a few calls. */
const ARENA = 64 * 1024;

/** What a descriptor that was passed to this process is: `0.0.0.0:3545`, the name of a TUN, or neither. */
export interface Passed {
  readonly udp?: string | undefined;
  readonly tun?: string | undefined;
}

/** Looks at a descriptor that was passed to this process, and keeps it from those that it starts. */
export function lookAtPassed(libc: Libc, fd: number): Passed {
  const arena = Arena.plain(libc, ARENA);
  try {
    libc.call.ioctl(fd, FIOCLEX, 0);
    const bound = boundUdp(libc, arena, fd);
    if (bound !== undefined) return { udp: `${formatIpv4(bound.address)}:${bound.port}` };
    return { tun: interfaceOf(libc, arena, fd)?.name };
  } finally {
    arena.close();
  }
}
