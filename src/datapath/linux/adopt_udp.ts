import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  SIZEOF_SOCKADDR_IN,
  SIZEOF_SOCKLEN_T,
  SO_REUSEPORT,
  SO_TYPE,
  SOCK_DGRAM,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_FAMILY_AT,
  SOCKADDR_IN_PORT_AT,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from "#ffi/linux/mod.ts";
import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import type { WantedUdp } from "../kernel.ts";

/**
 * Where these sockets are bound, if they are what {@link WantedUdp} asks for: UDP, one address
 * and port, one for each worker, none with joined datagrams in its queue that nobody would part.
 */
export function boundAsWanted(
  libc: Libc,
  arena: Arena,
  descriptors: readonly number[],
  { address, port, gro = false }: WantedUdp,
  workers: number,
): number | undefined {
  if (descriptors.length !== workers) return undefined;
  const option = (fd: number, level: number, name: number) => {
    const value = arena.take(4);
    const length = arena.take(SIZEOF_SOCKLEN_T);
    arena.u32[length >> 2] = 4;
    const got = libc.call.getsockopt(fd, level, name, arena.address(value), arena.address(length));
    return got === 0 ? arena.i32[value >> 2]! : undefined;
  };
  const ports = descriptors.map((fd) => {
    const bound = boundUdp(libc, arena, fd);
    const isWanted = bound?.address === address && (port === 0 || bound.port === port) &&
      option(fd, SOL_SOCKET, SO_TYPE) === SOCK_DGRAM &&
      option(fd, SOL_SOCKET, SO_REUSEPORT) === Number(workers > 1) &&
      (gro || option(fd, SOL_UDP, UDP_GRO) !== 1);
    return isWanted ? bound.port : undefined;
  });
  return ports.every((it) => it === ports[0]) ? ports[0] : undefined;
}

/** Where an IPv4 socket is bound; undefined: it is none. */
export function boundUdp(
  libc: Libc,
  arena: Arena,
  fd: number,
): { readonly address: number; readonly port: number } | undefined {
  const at = arena.take(SIZEOF_SOCKADDR_IN);
  const length = arena.take(SIZEOF_SOCKLEN_T);
  arena.u32[length >> 2] = SIZEOF_SOCKADDR_IN;
  if (libc.call.getsockname(fd, arena.address(at), arena.address(length)) !== 0) return undefined;
  if (arena.u16[(at + SOCKADDR_IN_FAMILY_AT) >> 1] !== AF_INET) return undefined;
  return {
    address: readU32(arena.u8, at + SOCKADDR_IN_ADDR_AT),
    port: readU16(arena.u8, at + SOCKADDR_IN_PORT_AT),
  };
}
