import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { SIGSYS } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { EachThread } from "#src/daemon/sandbox/linux/threads.ts";

const OPTIONS = { timeout: 600_000 };
const FOR_GOOD = 2 ** 31;

/** Threads of the runtime's own that hear no signal: Node has one. */
function deafThreads(): number {
  return readdirSync("/proc/self/task").filter((thread) => {
    try {
      const status = readFileSync(`/proc/self/task/${thread}/status`, "utf8");
      const blocked = BigInt(`0x${/^SigBlk:\s*(\S+)$/m.exec(status)![1]}`);
      // One that begins or ends, as the worker of another case, blocks all as well, and runs.
      return /^State:\s+[SD]/m.test(status) && ((blocked >> BigInt(SIGSYS - 1)) & 1n) !== 0n;
    } catch {
      return false; // it has ended
    }
  }).length;
}

/** For how long a thread hears no signal, and whether its call is waited for. */
const CASES: readonly (readonly [name: string, deafFor: number, missed: number])[] = [
  ["that hears at once is reached", 0, 0],
  ["that hears after a moment, as one that begins, is waited for", 5, 0],
  ["that is deaf for good is left out, and told of", FOR_GOOD, 1],
];

for (const [name, deafFor, missed] of CASES) {
  test(`EachThread: a thread ${name}`, OPTIONS, async () => {
    const libc = await openLibc();
    const before = deafThreads();
    const url = new URL("./deaf_thread.ts", import.meta.url);
    const begun = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(url, { workerData: { deafFor, begun } });
    await once(worker, "message");
    const each = new EachThread(libc);
    try {
      Atomics.store(begun, 0, 1);
      Atomics.notify(begun, 0);
      const { threads, reached, failed } = each.make([["getpid"], ["close", -1]]);
      assert.equal(threads - reached, before + missed);
      assert.deepEqual(failed, [0, reached], "of two calls the one succeeds, the other does not");
    } finally {
      each.close();
      await worker.terminate();
    }
  });
}
