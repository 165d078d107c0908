import { parentPort, workerData } from "node:worker_threads";
import { openLibc } from "#ffi/open.ts";
import { kernelOf } from "../kernels.ts";
import { RelayRole } from "../loop/relay.ts";
import { TunnelLoop } from "../loop/tunnel.ts";
import { makeLoop, type Ready, type ThreadData } from "./loop.ts";

/**
 * Builds the loop of one role and runs it until it is told to stop.
 *
 * The thread blocks in system calls from here on: it takes no messages, only the shared control word
 * and the wake descriptor reach it.
 */
async function main(data: ThreadData): Promise<void> {
  const libc = await openLibc();
  const kernel = kernelOf(libc);
  const loop = makeLoop(kernel, libc, data, () => performance.now());
  const ready: Ready = { ready: true, thread: kernel.nameOfThread?.() };
  parentPort!.postMessage(ready);
  // Lets the message leave before the thread blocks.
  await new Promise((resolve) => setTimeout(resolve, 0));
  loop.run();
  const role = loop instanceof TunnelLoop ? loop.role : undefined;
  const legacy = role instanceof RelayRole ? role.legacy() : undefined;
  if (legacy !== undefined) {
    parentPort!.postMessage(
      legacy,
      legacy.rows.map(({ buffer }) => buffer),
    );
  }
}

await main(workerData as ThreadData);
