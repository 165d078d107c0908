import { until } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { type Fate, inject } from "./inject.ts";

const SECONDS = 1.5;

interface Call {
  readonly names: string;
  readonly does: string;
  readonly fates: readonly Fate[];
}

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
    names: "socket,bind",
    does: "asks the kernel and takes requests",
    fates: ["error=EMFILE", "error=EPERM", "error=ENOBUFS"],
  },
  {
    names: "sendto,sendmsg",
    does: "asks the kernel, and answers requests",
    fates: [
      "error=ENOBUFS",
      "error=EAGAIN",
      "error=EPERM",
      "error=EMSGSIZE",
      "error=ENETUNREACH",
      "error=EINTR",
      "retval=1",
    ],
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
    does: "writes the log",
    fates: ["error=EAGAIN", "error=ENOSPC", "error=EPIPE", "error=EINTR", "retval=5"],
  },
];

function faultOf({ names, does, fates }: Call): Fault {
  const which = fates.map((it) => it.replace("error=", "").replace("retval=", "short, "));
  return {
    name: `the main thread's \`${names.replace(",", "`, `")}\`, which ${does}: ${which.join("; ")}`,
    promised:
      "packets pass; whatever failed is done again at the next look, and it is ready after it",
    run: () =>
      Scene.with({}, async (scene) => {
        let count = 0;
        const passed = await passage(scene, async () => {
          for (const fate of fates) {
            // Requests for it to answer, and a line to log, while calls fail.
            const asked = scene.lab.spawn("rly", ["sh", "-c", ASK]);
            await scene.sh(`kill -USR2 ${scene.pid}`);
            count += await inject(scene, scene.pid, names, fate, SECONDS);
            await asked.result;
            scene.assertRuns();
          }
          await until("it is ready", () => scene.isReady());
        });
        return {
          measured: count === 0 ? "no such call" : `${count} times; ready after it`,
          recovered: passed.recovered,
          lost: lostOf(passed),
        };
      }),
  };
}

const ASK =
  "for i in $(seq 12); do curl -s -m 1 -o /dev/null http://127.0.0.1:9545/metrics; sleep 0.1; done; true";

export const MAIN_CALLS: readonly Fault[] = CALLS.map(faultOf);
