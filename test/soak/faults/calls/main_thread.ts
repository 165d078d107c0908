import assert from "node:assert/strict";
import { until } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { type Call, ERRORS, inject, titleOf } from "./inject.ts";

const SECONDS = 1.5;

const CALLS: readonly Call[] = [
  {
    names: "openat",
    does: "opens what it looks at",
    fates: ["error=EPERM", "error=EMFILE", "error=EINTR", "error=ENOBUFS"],
  },
  {
    names: "pread64,read",
    does: "reads what it looks at",
    fates: ["error=EPERM", "error=EINTR", "error=EAGAIN", "retval=0"],
  },
  {
    names: "sendto,sendmsg",
    does: "asks the kernel, answers requests and writes the log",
    fates: ERRORS,
    // None is short: netlink takes a message whole, and the C library waits for its answer for ever.
  },
  {
    names: "recvfrom,recvmsg",
    does: "hears the kernel, and requests",
    fates: ["error=ENOBUFS", "error=EAGAIN", "error=EINTR"],
  },
  {
    names: "accept4",
    does: "takes requests",
    fates: ["error=EMFILE", "error=ENFILE", "error=ECONNABORTED", "error=EINTR", "error=EPERM"],
  },
  {
    names: "bpf",
    does: "looks after the fast path",
    fates: ["error=EPERM", "error=EAGAIN", "error=EINTR", "error=ENOBUFS"],
  },
  {
    names: "write",
    does: "wakes other threads",
    fates: ["error=EAGAIN", "error=EPERM", "error=EPIPE", "error=EINTR"],
  },
];

function faultOf(call: Call): Fault {
  const { names, fates } = call;
  return {
    name: titleOf("a relay's main thread's", call),
    promised:
      "packets pass; whatever failed is done again at the next look, and it is ready after it",
    run: () =>
      Scene.with({}, async (scene) => {
        const { lab, pid } = scene;
        const main = { lab, namespace: "rly", pid, thread: pid };
        const counts: number[] = [];
        const passed = await passage(scene, async () => {
          for (const fate of fates) {
            // Requests for it to answer, and lines to log, while calls fail.
            const provoke = () => lab.spawn("rly", ["sh", "-c", provokeOf(pid)]).result;
            const count = await inject(main, names, fate, SECONDS, provoke);
            assert.ok(count > 0, `no call failed by ${fate}`);
            counts.push(count);
            scene.assertRuns();
          }
          await until("it is ready", () => scene.isReady());
        });
        return {
          measured: `${counts.join(", ")} times; ready after it`,
          recovered: passed.recovered,
          lost: lostOf(passed),
        };
      }),
  };
}

/** Pages are asked for, a line is logged, and its host has another address for a moment, twelve times. */
const provokeOf = (pid: number) => `
for i in $(seq 12); do
  kill -USR2 ${pid}
  ip address add 198.18.0.$i/32 dev lo
  curl -s -m 1 -o /dev/null http://127.0.0.1:9545/metrics
  sleep 0.1
  ip address del 198.18.0.$i/32 dev lo
done`;

export const MAIN_CALLS: readonly Fault[] = CALLS.map(faultOf);
