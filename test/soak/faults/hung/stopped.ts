import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { until, wait } from "#test/netns/programs.ts";

const SECONDS = 60;

export const STOPPED: Fault = {
  name: "SIGSTOP for a minute, then SIGCONT",
  promised: "not taken for a hang; it goes on where it was, with what its queues hold",
  run: () =>
    Scene.with({}, async (scene) => {
      const passed = await passage(scene, async () => {
        scene.relay.kill("SIGSTOP");
        await wait(1000 * SECONDS);
        scene.relay.kill("SIGCONT");
      });
      scene.assertRuns();
      await until("it is ready", () => scene.isReady());
      const after = Math.max(0, passed.recovered - 1000 * SECONDS);
      return {
        measured: `packets pass ${after} ms after SIGCONT`,
        recovered: after,
        lost: `${lostOf(passed)}: what the queues had no room for, they did not take`,
      };
    }),
};
