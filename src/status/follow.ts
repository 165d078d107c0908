import type { Socket } from "node:net";

/**
 * Sends a body as it comes, each piece once the one before it is with the kernel. What has to wait
 * meanwhile waits with who makes the body, and is theirs to bound. Ends when the body or the client
 * does; gives the client up when the body fails.
 *
 * @param onWait called with true when the client does not read, with false when it does again
 */
export async function follow(
  socket: Socket,
  body: ReadableStream<Uint8Array>,
  onWait: (waits: boolean) => void,
): Promise<void> {
  const pieces = body.getReader();
  if (socket.destroyed) return await pieces.cancel();
  socket.once("close", () => void pieces.cancel().catch(() => {}));
  pieces.closed.catch(() => socket.destroy());
  try {
    for (;;) {
      const { done, value } = await pieces.read();
      if (done) break;
      if (socket.write(value)) continue;
      onWait(true);
      await drained(socket);
      onWait(false);
    }
  } catch {
    // It failed: the socket is destroyed by now.
  }
  socket.end();
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
