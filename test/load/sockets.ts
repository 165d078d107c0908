import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET6,
  SIZEOF_SOCKADDR_IN6,
  SO_RCVBUFFORCE,
  SO_RXQ_OVFL,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_IN6_FAMILY_AT,
  SOCKADDR_IN6_PORT_AT,
  SOL_SOCKET,
  SOL_UDP,
  UDP_SEGMENT,
} from "#ffi/linux/mod.ts";
import { setOption } from "#src/datapath/udp/socket.ts";
import { writeU16 } from "#src/protocol/wire/bytes.ts";

/** The generator must not be what loses packets. */
export const GENERATOR_BUFFER: number = 64 * 1024 * 1024;

/**
 * Packets that one send hands to the kernel: it cuts them apart behind the socket (UDP_SEGMENT), which
 * costs the generator a fraction of a send for each.
 */
export const SEGMENTS = 16;

/** Lets every send on `fd` be several datagrams of `length` bytes, end to end. @throws SyscallError */
export function segmentSends(libc: Libc, arena: Arena, fd: number, length: number): void {
  check(
    libc,
    setOption(libc, arena, fd, SOL_UDP, UDP_SEGMENT, length),
    "setsockopt",
    "UDP_SEGMENT",
  );
}

/** Opens a UDP socket on `[::]:port`. @throws SyscallError */
export function openUdp6(libc: Libc, arena: Arena, port: number): number {
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = check(libc, libc.call.socket(AF_INET6, type, 0), "socket", "AF_INET6, SOCK_DGRAM");
  for (const name of [SO_RCVBUFFORCE, SO_SNDBUFFORCE]) {
    check(
      libc,
      setOption(libc, arena, fd, SOL_SOCKET, name, GENERATOR_BUFFER),
      "setsockopt",
      "buffer",
    );
  }
  check(libc, setOption(libc, arena, fd, SOL_SOCKET, SO_RXQ_OVFL, 1), "setsockopt", "SO_RXQ_OVFL");
  const at = arena.take(SIZEOF_SOCKADDR_IN6);
  arena.u16[(at + SOCKADDR_IN6_FAMILY_AT) >> 1] = AF_INET6;
  writeU16(arena.u8, at + SOCKADDR_IN6_PORT_AT, port);
  const bound = libc.call.bind(fd, arena.address(at), SIZEOF_SOCKADDR_IN6);
  check(libc, bound, "bind", `[::]:${port}`);
  return fd;
}
