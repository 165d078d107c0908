import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { wait } from "#test/netns/programs.ts";

const SECONDS = 15;
/** Programs that want each processor, all of them before the daemon. */
const RIVALS = 8;

export const BUSY: Fault = {
  name: `${RIVALS} programs want each processor for ${SECONDS} s, and go before the relay`,
  promised: "not taken for a hang; it carries what it comes to",
  run: () =>
    Scene.with({ relay: "workers = 2" }, async (scene) => {
      const passed = await passage(scene, async () => {
        await scene.sh(
          `for task in /proc/${scene.pid}/task/*; do renice -n 19 -p \${task##*/} >/dev/null; done`,
        );
        const loop = "while :; do :; done";
        const count = RIVALS * availableParallelism();
        const argv = ["timeout", `${SECONDS}`, "sh", "-c", loop];
        const rivals = Array.from({ length: count }, () => scene.lab.spawn("rly", argv));
        await Promise.all(rivals.map((it) => it.result));
        await wait(1_000);
      });
      scene.assertRuns();
      assert.deepEqual(scene.said(/msg="Datapath failed"/), []);
      return { measured: "it runs on", recovered: passed.recovered, lost: lostOf(passed) };
    }),
};
