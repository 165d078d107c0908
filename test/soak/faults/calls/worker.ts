import assert from "node:assert/strict";
import type { Fault, Found } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { type Fate, inject } from "./inject.ts";

const SECONDS = 3;
/** What is asked for; a kernel answers some calls with none of these. */
const ERRORS = ["ENOBUFS", "EAGAIN", "EPERM", "EMSGSIZE", "ENETUNREACH", "EINTR"] as const;

interface Call {
  readonly names: string;
  readonly does: string;
  /** Where a result may be shorter than what was asked for: one such. */
  readonly short?: number;
}

const CALLS: readonly Call[] = [
  { names: "recvmmsg", does: "receives from clients" },
  { names: "sendmmsg", does: "sends to clients", short: 1 },
  { names: "read", does: "reads from the interface", short: 20 },
  { names: "write,writev", does: "writes to the interface", short: 30 },
  { names: "poll", does: "waits", short: 0 },
];

/** A worker of a relay whose packets all go by it. */
const OPTIONS = { relay: "workers = 1\nfast_path = off" };

/** Traffic in bursts, so that a call has several messages to be short of. */
const BURSTS = ["ping", "-6", "-q", "-i", "0.02", "-l", "16", "-s", "600"];

function run({ names }: Call, fate: Fate): Promise<Found> {
  return Scene.with(OPTIONS, async (scene) => {
    const [worker] = await scene.workers();
    let count = 0;
    const passed = await passage(scene, async () => {
      const bursts = scene.lab.spawn("host6", [...BURSTS, scene.client]);
      count = await inject(scene, worker!, names, fate, SECONDS);
      bursts.kill("SIGINT");
      await bursts.result;
    });
    scene.assertRuns();
    assert.ok(count > 0, "no call failed");
    return { measured: `${count} times`, recovered: passed.recovered, lost: lostOf(passed) };
  });
}

export const WORKERS_CALLS: readonly Fault[] = CALLS.flatMap((call) => {
  const { names, does, short } = call;
  const fault = (fate: Fate, what: string): Fault => ({
    name: `a worker's \`${names.replace(",", "`, `")}\`, which ${does}: ${what}`,
    promised: "it goes on; what the call was for is lost, or done again",
    run: () => run(call, fate),
  });
  const errors = ERRORS.map((error) => fault(`error=${error}`, error));
  return short === undefined ? errors : [...errors, fault(`retval=${short}`, `short, ${short}`)];
});
