import assert from "node:assert/strict";
import { HOST_IPV6 } from "#src/demo/topology.ts";
import { assertPing } from "#test/netns/traffic.ts";
import { ClientScene } from "../client/client_scene.ts";
import type { Fault } from "../contract.ts";
import { lostOf } from "../passage.ts";
import { pidOf, workersOf } from "../scene.ts";
import { type Call, ERRORS, inject, titleOf } from "./inject.ts";

const SECONDS = 2;

const CALLS: readonly Call[] = [
  { names: "recvmmsg", does: "receives from servers, relays and peers", fates: ERRORS },
  { names: "sendmmsg", does: "sends to peers and servers", fates: [...ERRORS, "retval=1"] },
  { names: "read", does: "reads from the interface", fates: [...ERRORS, "retval=20"] },
  { names: "write,writev", does: "writes to the interface", fates: [...ERRORS, "retval=30"] },
  { names: "poll", does: "waits", fates: [...ERRORS, "retval=0"] },
];

/** Traffic in bursts, so that a call has several messages to be short of. */
const BURSTS = ["ping", "-6", "-q", "-i", "0.02", "-l", "16", "-s", "600", HOST_IPV6];

function faultOf(call: Call): Fault {
  const { names, fates } = call;
  return {
    name: titleOf("a client's worker's", call),
    promised: "it goes on, with its address; what the call was for is lost, or done again",
    run: () =>
      ClientScene.with({}, async (scene) => {
        const { lab, namespace } = scene;
        const { address } = await scene.status();
        const pid = pidOf(scene.client);
        const [thread = 0] = await workersOf(lab, pid);
        const worker = { lab, namespace, pid, thread };
        const counts: number[] = [];
        const passed = await scene.passage(async () => {
          const bursts = lab.spawn(namespace, BURSTS);
          for (const fate of fates) {
            const count = await inject(worker, names, fate, SECONDS);
            assert.ok(count > 0, `no call failed by ${fate}`);
            counts.push(count);
            scene.assertRuns();
          }
          bursts.kill("SIGINT");
          await bursts.result;
        });
        await scene.until("it is qualified", ({ state }) => state === "qualified");
        assert.equal((await scene.status()).address, address);
        await assertPing(lab, namespace, HOST_IPV6);
        return {
          measured: `${counts.join(", ")} times; the same address`,
          recovered: passed.recovered,
          lost: lostOf(passed),
        };
      }),
  };
}

export const CLIENTS_WORKERS_CALLS: readonly Fault[] = CALLS.map(faultOf);
