import assert from "node:assert/strict";
import type { Fault, Found } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { type Call, ERRORS, type Fate, inject, titleOf } from "./inject.ts";

const SECONDS = 3;
const CALLS: readonly Call[] = [
  { names: "recvmmsg", does: "receives from clients", fates: ERRORS },
  { names: "sendmmsg", does: "sends to clients", fates: [...ERRORS, "retval=1"] },
  { names: "read", does: "reads from the interface", fates: [...ERRORS, "retval=20"] },
  { names: "write,writev", does: "writes to the interface", fates: [...ERRORS, "retval=30"] },
  { names: "poll", does: "waits", fates: [...ERRORS, "retval=0"] },
];

/** A worker of a relay whose packets all go by it. */
const OPTIONS = { relay: "workers = 1\nfast_path = off" };

/** Traffic in bursts, so that a call has several messages to be short of. */
const BURSTS = ["ping", "-6", "-q", "-i", "0.02", "-l", "16", "-s", "600"];

function run(names: string, fate: Fate): Promise<Found> {
  return Scene.with(OPTIONS, async (scene) => {
    const [thread = 0] = await scene.workers();
    const worker = { lab: scene.lab, namespace: "rly", pid: scene.pid, thread };
    let count = 0;
    const passed = await passage(scene, async () => {
      const bursts = scene.lab.spawn("host6", [...BURSTS, scene.client]);
      count = await inject(worker, names, fate, SECONDS);
      bursts.kill("SIGINT");
      await bursts.result;
    });
    scene.assertRuns();
    assert.ok(count > 0, "no call failed");
    return { measured: `${count} times`, recovered: passed.recovered, lost: lostOf(passed) };
  });
}

export const RELAYS_WORKERS_CALLS: readonly Fault[] = CALLS.flatMap((call) =>
  call.fates.map((fate): Fault => ({
    name: titleOf("a relay's worker's", { ...call, fates: [fate] }),
    promised: "it goes on; what the call was for is lost, or done again",
    run: () => run(call.names, fate),
  }))
);
