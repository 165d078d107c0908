import assert from "node:assert/strict";
import { START_PATIENCE, until, wait } from "#test/netns/programs.ts";
import { assertPing } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { fieldOf, Scene } from "../scene.ts";
import { type Call, ERRORS, inject, titleOf } from "./inject.ts";

const SECONDS = 1.5;
/** How often its interface is set down while calls fail, and how long it has for each. */
const TIMES = 4;
const PAUSE = 300;

const CALLS: readonly Call[] = [
  { names: "sendto", does: "asks the kernel", fates: ERRORS },
  {
    names: "recvfrom",
    does: "hears the kernel",
    fates: ["error=ENOBUFS", "error=EAGAIN", "error=EINTR"],
  },
  {
    names: "write",
    does: "tells the daemon, and wakes its own threads",
    fates: ["error=EAGAIN", "error=EINTR", "error=ENOBUFS"],
  },
];

function faultOf(call: Call): Fault {
  const { names, fates } = call;
  return {
    name: titleOf("a helper's", call),
    promised:
      "what somebody breaks meanwhile of the interface that it keeps is put right, then or once calls succeed; it lives",
    run: () =>
      Scene.with({ relay: "user = nobody" }, async (scene) => {
        const { lab } = scene;
        const words = await scene.relay.waitForLine(/kept by a process of its own/, START_PATIENCE);
        const pid = Number(fieldOf(words, "pid"));
        const helper = { lab, namespace: "rly", pid, thread: pid };
        const provoke = async () => {
          for (let i = 0; i < TIMES; i++) {
            await lab.run("rly", ["ip", "link", "set", "teredo", "down"]);
            await wait(PAUSE);
          }
        };
        const counts: number[] = [];
        const passed = await passage(scene, async () => {
          for (const fate of fates) {
            const count = await inject(helper, names, fate, SECONDS, provoke);
            assert.ok(count > 0, `no call failed by ${fate}`);
            counts.push(count);
            await until("it is ready", () => scene.isReady());
            await assertPing(lab, "host6", scene.client);
            await scene.sh(`kill -0 ${pid}`);
          }
        });
        scene.assertRuns();
        assert.deepEqual(scene.said(/Nothing keeps the interface/), []);
        const restored = scene.said(/msg=Restored what=up/).length;
        return {
          measured: `${counts.join(", ")} times; put right ${restored} times, ready after it`,
          recovered: passed.recovered,
          lost: `while it was down ${TIMES * fates.length} times: ${lostOf(passed)}`,
        };
      }),
  };
}

export const HELPERS_CALLS: readonly Fault[] = CALLS.map(faultOf);
