import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Kernel, Steer } from "../kernel.ts";
import { openUdpSocket, type UdpSocket, type UdpSocketOptions } from "./socket.ts";

/**
 * Opens one socket a worker, all bound to one address and port.
 *
 * @param opened takes each descriptor as it comes; the caller closes them, also after an error
 * @throws StartError; WorkersRefused
 */
export function openUdpGroup(
  kernel: Kernel,
  libc: Libc,
  arena: Arena,
  options: UdpSocketOptions,
  workers: number,
  steer: Steer,
  opened: (fd: number) => void,
): readonly UdpSocket[] {
  const open = (options: UdpSocketOptions) => {
    const socket = openUdpSocket(kernel, libc, arena, options);
    opened(socket.fd);
    return socket;
  };
  if (workers === 1) return [open(options)];
  // A socket of another program that shares its port as well would let ours in beside it.
  const { fd, port } = openUdpSocket(kernel, libc, arena, options);
  libc.call.close(fd);
  const shared = { ...options, port, reusePort: true };
  const first = open({ ...shared, beforeBind: (fd) => steer(libc, arena, fd, workers) });
  return [first, ...Array.from({ length: workers - 1 }, () => open(shared))];
}
