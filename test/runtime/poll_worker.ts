import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "#ffi/arena.ts";
import { check } from "#ffi/errors.ts";
import {
  POLLFD_EVENTS_AT,
  POLLFD_FD_AT,
  POLLFD_REVENTS_AT,
  POLLIN,
  SIZEOF_POLLFD,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";

/**
 * A thread of `ffi_test.ts`: blocks in poll(2) without limit until its pipe is written, as often as
 * `rounds` says, and tells each number that it read.
 */
const { fd, rounds } = workerData as { fd: number; rounds: number };
const libc = await openLibc();
const arena = new Arena(libc, 4096);
const pollfd = arena.take(SIZEOF_POLLFD);
const number = arena.take(8);
arena.i32[(pollfd + POLLFD_FD_AT) >> 2] = fd;
arena.u16[(pollfd + POLLFD_EVENTS_AT) >> 1] = POLLIN;

parentPort!.postMessage({ waiting: true });
for (let round = 0; round < rounds; round++) {
  check(libc, libc.call.poll(arena.address(pollfd), 1, -1), "poll", "pipe");
  const revents = arena.u16[(pollfd + POLLFD_REVENTS_AT) >> 1];
  check(libc, libc.call.read(fd, arena.address(number), 8), "read", "pipe");
  parentPort!.postMessage({ revents, value: arena.readU64(number) });
}
arena.close();
