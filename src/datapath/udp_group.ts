import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { openUdpSocket, type UdpSocket, type UdpSocketOptions } from "./udp_socket.ts";

/** Attaches the program that shares out what the sockets receive; see steering.ts. */
export type Steer = (libc: Libc, arena: Arena, fd: number, workers: number) => void;

/**
 * Opens one socket a worker, all bound to one address and port.
 *
 * @param opened takes each descriptor as it comes; the caller closes them, also after an error
 * @throws StartError; WorkersRefused
 */
export function openUdpGroup(
  libc: Libc,
  arena: Arena,
  options: UdpSocketOptions,
  workers: number,
  steer: Steer,
  opened: (fd: number) => void,
): readonly UdpSocket[] {
  const open = (options: UdpSocketOptions) => {
    const socket = openUdpSocket(libc, arena, options);
    opened(socket.fd);
    return socket;
  };
  if (workers === 1) return [open(options)];
  // A socket of another program that shares its port as well would let ours in beside it.
  const { fd, port } = openUdpSocket(libc, arena, options);
  libc.call.close(fd);
  const shared = { ...options, port, reusePort: true };
  const first = open({ ...shared, beforeBind: (fd) => steer(libc, arena, fd, workers) });
  return [first, ...Array.from({ length: workers - 1 }, () => open(shared))];
}
