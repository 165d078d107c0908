import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "#ffi/arena.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { SIGSYS } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";

/**
 * A thread of `threads_test.ts`: blocks SIGSYS, as one that begins does, until so many milliseconds after
 * `begun` has become 1.
 */
const { deafFor, begun } = workerData as { deafFor: number; begun: Int32Array };
const [SIG_BLOCK, SIG_UNBLOCK] = [0, 1];
const libc = await openLibc();
const arena = Arena.plain(libc, 64);
const set = arena.take(8);
arena.writeU64(set, 2 ** (SIGSYS - 1));

const mask = (how: number) =>
  libc.call.syscall(callsOf().numberOf("rt_sigprocmask")!, how, arena.address(set), 0, 8);
const sleep = (milliseconds: number) =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

if (deafFor > 0) mask(SIG_BLOCK);
parentPort!.postMessage("deaf");
Atomics.wait(begun, 0, 0);
sleep(deafFor);
mask(SIG_UNBLOCK);
sleep(Infinity);
