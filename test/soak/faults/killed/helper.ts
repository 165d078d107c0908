import assert from "node:assert/strict";
import { START_PATIENCE, wait } from "#test/netns/programs.ts";
import { Prng } from "#test/sim/prng.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { fieldOf, Scene } from "../scene.ts";
import { code } from "../words.ts";

export const HELPER_KILLED: Fault = {
  name: "the process that keeps the interface where `user` is set is killed",
  promised: "packets pass; the log says that nothing keeps the interface",
  run: ({ seed }) =>
    Scene.with({ relay: "user = nobody" }, async (scene) => {
      const line = await scene.relay.waitForLine(/kept by a process of its own/, START_PATIENCE);
      await wait(new Prng(seed).between(0, 500));
      const passed = await passage(scene, async () => {
        await scene.sh(`kill -9 ${fieldOf(line, "pid")}`);
        await scene.relay.waitForLine(/Nothing keeps the interface/, START_PATIENCE);
      });
      scene.assertRuns();
      assert.ok(await scene.isReady());
      const [said] = scene.said(/Nothing keeps the interface/);
      return {
        measured: `says ${code(fieldOf(said!, "problem"))}`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};
