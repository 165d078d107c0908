/**
 * What the sandbox's filter of system calls costs: nanoseconds a call, in this process, without it and
 * then with it.
 *
 *     bun scripts/bench_sandbox.ts
 *
 * Each figure is the best of rounds that others on the machine disturb least. All calls have nothing to
 * do but to come and go: what a filter adds is the larger part then, not the smaller.
 */
import process from "node:process";
import { Arena } from "#ffi/arena.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { AF_INET, SOCK_DGRAM } from "#ffi/posix.ts";
import { daemonCalls } from "#src/daemon/sandbox/linux/calls.ts";
import { filterOf } from "#src/daemon/sandbox/linux/filter.ts";
import { installFilter } from "#src/daemon/sandbox/linux/seccomp.ts";
import { forbidNewPrivileges } from "#src/daemon/host/linux/one_right.ts";

const ROUNDS = 40;
const CALLS = 20_000;
const NANOSECONDS = 1e6;

const libc = await openLibc();
const { call, layout } = libc;
const arena = new Arena(libc, 65_536);
const at = arena.address(arena.take(4_096));
const udp = call.socket(AF_INET, SOCK_DGRAM | layout.SOCK_NONBLOCK, 0);
const ends = arena.take(8);
call.pipe2(arena.address(ends), layout.O_NONBLOCK);
const pipe = arena.i32[ends >> 2]!;
const sched = callsOf().numberOf("sched_get_priority_max")!;
const ioctl = callsOf().numberOf("ioctl")!;

/** A packet's calls; one from the end of the list; one with arguments to look at. */
const STEPS: Readonly<Record<string, () => number>> = {
  "recvmmsg": () => call.recvmmsg(udp, at, 1, layout.MSG_DONTWAIT, 0),
  "sendmmsg": () => call.sendmmsg(udp, at, 0, layout.MSG_DONTWAIT),
  "read": () => call.read(pipe, at, 1),
  "poll": () => call.poll(at, 0, 0),
  "sched_get_priority_max": () => call.syscall(sched, 0, 0, 0, 0),
  "ioctl": () => call.syscall(ioctl, -1, 0x5401, 0, 0),
};

function best(step: () => number): number {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const since = performance.now();
    for (let i = 0; i < CALLS; i++) step();
    least = Math.min(least, performance.now() - since);
  }
  return least * NANOSECONDS / CALLS;
}

const before = Object.entries(STEPS).map(([name, step]) => [name, best(step)] as const);
forbidNewPrivileges(libc);
const profile = daemonCalls({ pid: process.pid, remakes: true, reprograms: true });
const problem = installFilter(libc, filterOf(profile, "kill"));
if (problem !== undefined) throw new Error(problem);
const rows = before.map(([name, without]) => [name, without, best(STEPS[name]!)] as const);
console.log("call                     without    with    more (ns)");
for (const [name, without, within] of rows) {
  const numbers = [without, within, within - without].map((it) => it.toFixed(0).padStart(8));
  console.log(`${name.padEnd(24)}${numbers.join("")}`);
}
