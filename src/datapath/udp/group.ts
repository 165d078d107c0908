import type { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import type { Kernel, Steer } from "../kernel.ts";
import { adopted, type Inherited } from "../kept.ts";
import { openUdpSocket, resumeUdpSocket, type UdpSocket, type UdpSocketOptions } from "./socket.ts";

/**
 * Opens one socket a worker, all bound to one address and port.
 *
 * @param opened takes each descriptor as it comes; the caller closes them, also after an error
 * @param inherited sockets to go on with, if they are as wanted
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
  inherited?: Inherited,
): readonly UdpSocket[] {
  const close = (fd: number) => libc.call.close(fd);
  const found = adopted(inherited, "udp", close, (descriptors) => {
    const port = kernel.boundAsWanted?.(libc, arena, descriptors, options, workers);
    return port === undefined ? undefined : { descriptors, port };
  });
  if (found !== undefined) {
    found.descriptors.forEach(opened);
    if (workers > 1) steer(libc, arena, found.descriptors[0]!, workers);
    return found.descriptors.map((fd) =>
      resumeUdpSocket(kernel, libc, arena, fd, found.port, options)
    );
  }
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
