import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { START_PATIENCE, wait } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { startBy } from "../files/started.ts";
import { lostOf, passage } from "../passage.ts";
import { pidOf, Scene } from "../scene.ts";
import { spin } from "./hold.ts";

const SOCKET = "/run/notify";
/** As the manager allows it; half of it lies between two signs of life. */
const WATCHDOG_SECONDS = 2;
const SECONDS = 3 * WATCHDOG_SECONDS;

export const MAIN_SPINS: Fault = {
  name: "the main thread spins for ever, which packets do not go by",
  promised: "packets pass; `WATCHDOG=1` comes no more, for which a service manager restarts it",
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab } = scene;
      await scene.relay.stop();
      const tool = fileURLToPath(new URL("../tools/notified.pl", import.meta.url));
      const manager = lab.spawn("rly", ["perl", tool, SOCKET]);
      await manager.waitForLine(/^ready/, START_PATIENCE);
      const signs = () => manager.output().split("\n").filter((it) => it === "WATCHDOG=1").length;
      const usec = 1_000_000 * WATCHDOG_SECONDS;
      await startBy(scene, `export NOTIFY_SOCKET=${SOCKET} WATCHDOG_USEC=${usec}; exec $relay`);
      await manager.waitForLine(/^WATCHDOG=1/, START_PATIENCE);
      const held = await passage(scene, async () => {
        const pid = pidOf(scene.relay);
        await spin(scene, pid, pid);
        await wait(1_000); // one that was on its way
        const before = signs();
        await wait(1000 * SECONDS);
        assert.equal(signs(), before, manager.output());
      });
      assert.equal(held.lost, 0);
      const passed = await passage(scene, async () => {
        scene.relay.kill("SIGKILL"); // as the manager does
        await scene.restart();
      });
      return {
        measured: `none of ${held.sent} pings lost in ${SECONDS + 1} s, no sign of life`,
        recovered: passed.recovered,
        lost: `when it is restarted: ${lostOf(passed)}`,
      };
    }),
};
