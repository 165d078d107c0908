import { parentPort, workerData } from "node:worker_threads";
import { openLibc } from "#ffi/open.ts";

/** A thread of `ffi_test.ts`: fails with EBADF again and again; tells how often errno said so. */
const { rounds } = workerData as { rounds: number };
const libc = await openLibc();
const seen = new Map<number, number>();
for (let round = 0; round < rounds; round++) {
  libc.call.close(-1);
  const errno = libc.errno();
  seen.set(errno, (seen.get(errno) ?? 0) + 1);
}
parentPort!.postMessage([...seen]);
