import type { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import { sockaddrHead } from "#ffi/layout.ts";
import type { Libc } from "#ffi/libc.ts";
import {
  AF_INET,
  IPPROTO_IP,
  SIZEOF_SOCKADDR_IN,
  SIZEOF_SOCKLEN_T,
  SOCK_DGRAM,
  SOCKADDR_IN_ADDR_AT,
  SOCKADDR_IN_PORT_AT,
} from "#ffi/posix.ts";
import { StartError } from "#src/errors.ts";
import { readU16, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Kernel } from "../kernel.ts";

export interface UdpSocketOptions {
  /** IPv4 address to bind; 0 is every address. */
  readonly address: number;
  /** 0: the kernel picks. */
  readonly port: number;
  /** Bytes wanted for each of the receive and send buffers. */
  readonly buffer: number;
  /** Whether others of this user may bind the same address; the kernel then shares out datagrams. */
  readonly reusePort?: boolean;
  /** What is to be done before anything can be received, given the descriptor; may throw. */
  readonly beforeBind?: (fd: number) => void;
  /** Whether to ask for `UDP_GRO`; what is received must then be read with its segment size. */
  readonly gro?: boolean;
}

export interface UdpSocket {
  readonly fd: number;
  /** The port bound. */
  readonly port: number;
  /** Whether `UDP_GRO` is on; see `Offloads`. */
  readonly udpGro: boolean;
  /** Whether the kernel knows `UDP_SEGMENT`; it may still refuse it for a device. */
  readonly udpSegment: boolean;
  /** For the log: what is not as it was asked for. */
  readonly notice?: string | undefined;
}

/**
 * Opens and binds a UDP socket as Teredo wants it: the DF bit clear (RFC 4380 §5.1.2), ECN and
 * the rest of TOS zero (RFC 9601 §6.1.3, the kernel's default), and, where it is bound to every
 * address, the one that a datagram was sent to reported, so that an answer can leave from it.
 *
 * @throws StartError naming the address, and how to mend it
 */
export function openUdpSocket(
  kernel: Kernel,
  libc: Libc,
  arena: Arena,
  options: UdpSocketOptions,
): UdpSocket {
  const { layout } = libc;
  const about = `${formatIpv4(options.address)}:${options.port}`;
  const type = SOCK_DGRAM | layout.SOCK_NONBLOCK | layout.SOCK_CLOEXEC;
  const fd = check(libc, libc.call.socket(AF_INET, type, 0), "socket", "AF_INET, SOCK_DGRAM");
  try {
    const set = (level: number, name: number, value: number) =>
      setOption(libc, arena, fd, level, name, value);
    if (options.address === 0) {
      const result = set(IPPROTO_IP, layout.localAddress.option, 1);
      check(libc, result, "setsockopt", "address of datagrams");
    }
    if (options.reusePort === true) {
      check(libc, set(layout.SOL_SOCKET, layout.SO_REUSEPORT, 1), "setsockopt", "SO_REUSEPORT");
    }
    const { buffer, gro = false } = options;
    const tuned = kernel.tuneUdp(libc, arena, fd, { buffer, gro });
    options.beforeBind?.(fd);
    bind(kernel, libc, arena, fd, options, about);
    return { fd, port: boundPort(libc, arena, fd, about), ...tuned };
  } catch (error) {
    libc.call.close(fd);
    throw error;
  }
}

/**
 * A socket that the relay before this one had bound as `options` say, to go on with.
 *
 * @throws SyscallError
 */
export function resumeUdpSocket(
  kernel: Kernel,
  libc: Libc,
  arena: Arena,
  fd: number,
  port: number,
  { buffer, gro = false }: UdpSocketOptions,
): UdpSocket {
  return { fd, port, ...kernel.tuneUdp(libc, arena, fd, { buffer, gro }) };
}

/** Sets an option whose value is an int. @returns -1 when the kernel refused it */
export function setOption(
  libc: Libc,
  arena: Arena,
  fd: number,
  level: number,
  name: number,
  value: number,
): number {
  const at = arena.take(4);
  arena.i32[at >> 2] = value;
  return libc.call.setsockopt(fd, level, name, arena.address(at), 4);
}

function bind(
  { words }: Kernel,
  libc: Libc,
  arena: Arena,
  fd: number,
  options: UdpSocketOptions,
  about: string,
): void {
  const result = bindIpv4(libc, arena, fd, options.address, options.port);
  if (result === 0) return;
  const errno = libc.errno();
  if (errno === libc.layout.EADDRINUSE) {
    throw new StartError(
      `UDP ${about} is in use by another program`,
      `see which: ${words.findPort(options.port)}`,
    );
  }
  if (errno === libc.layout.EADDRNOTAVAIL) {
    throw new StartError(
      `${formatIpv4(options.address)} is not an address of this host`,
      `add it: ${words.addAddress(formatIpv4(options.address), "INTERFACE")}`,
    );
  }
  check(libc, result, "bind", about);
}

/** Binds to an IPv4 address and port. @returns -1 when the kernel refused it */
export function bindIpv4(
  libc: Libc,
  arena: Arena,
  fd: number,
  address: number,
  port: number,
): number {
  const at = arena.take(SIZEOF_SOCKADDR_IN);
  arena.u16[at >> 1] = sockaddrHead(libc.layout, AF_INET, SIZEOF_SOCKADDR_IN);
  writeU16(arena.u8, at + SOCKADDR_IN_PORT_AT, port);
  writeU32(arena.u8, at + SOCKADDR_IN_ADDR_AT, address);
  return libc.call.bind(fd, arena.address(at), SIZEOF_SOCKADDR_IN);
}

/** The port that a socket has. @throws SyscallError that says what it is `about` */
export function boundPort(libc: Libc, arena: Arena, fd: number, about: string): number {
  const at = arena.take(SIZEOF_SOCKADDR_IN);
  const lengthAt = arena.take(SIZEOF_SOCKLEN_T);
  arena.u32[lengthAt >> 2] = SIZEOF_SOCKADDR_IN;
  const result = libc.call.getsockname(fd, arena.address(at), arena.address(lengthAt));
  check(libc, result, "getsockname", about);
  return readU16(arena.u8, at + SOCKADDR_IN_PORT_AT);
}
