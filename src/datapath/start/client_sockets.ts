import { Arena } from "#ffi/arena.ts";
import type { Libc } from "#ffi/libc.ts";
import { FILTERING_PATH } from "#src/protocol/client/contract.ts";
import { kernelOf } from "../kernels.ts";
import { Opened } from "../opened.ts";
import { openUdpSocket } from "../udp/socket.ts";

const ARENA = 64 * 1024;

/**
 * Opens all sockets that a client can have, for one that runs in another network namespace: see
 * `ClientStart.sockets`.
 *
 * @param place where the service port is, and bytes wanted for each of a socket's two buffers
 * @returns descriptors, that of the service port first; they are the caller's
 * @throws StartError, SyscallError
 */
export function openClientSockets(
  libc: Libc,
  { address, port, buffer }: {
    readonly address: number;
    readonly port: number;
    readonly buffer: number;
  },
): { readonly descriptors: readonly number[]; readonly close: () => void } {
  const kernel = kernelOf(libc);
  const arena = Arena.plain(libc, ARENA);
  const opened = new Opened();
  const open = (port: number) => {
    const { fd } = openUdpSocket(kernel, libc, arena, { address, port, buffer });
    return opened.add(fd, () => libc.call.close(fd));
  };
  try {
    return opened.run(() => {
      const random = Array.from({ length: FILTERING_PATH }, () => 0);
      return { descriptors: [port, ...random].map(open), close: () => opened.close() };
    });
  } finally {
    arena.close();
  }
}
