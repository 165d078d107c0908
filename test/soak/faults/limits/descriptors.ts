import assert from "node:assert/strict";
import { teredo, until, untilReady, writeFile } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { code } from "../words.ts";

/** Connections that say nothing, for so many seconds. */
const HOLD = (count: number, seconds: number) =>
  `for i in $(seq ${count}); do sleep ${seconds} | timeout ${seconds} nc 127.0.0.1 9545 >/dev/null & done; wait; true`;

export const NONE_LEFT: Fault = {
  name: "no descriptor is left while it serves: the limit is what it has open",
  promised: "packets pass; pages answer again once there are some; it is ready after it",
  run: () =>
    Scene.with({}, async (scene) => {
      const open = Number(await scene.sh(`ls /proc/${scene.pid}/fd | wc -l`));
      const passed = await passage(scene, async () => {
        await scene.sh(`prlimit --pid ${scene.pid} --nofile=${open}:4096`);
        await scene.sh(HOLD(100, 3));
        await scene.sh(`prlimit --pid ${scene.pid} --nofile=4096:4096`);
        await until("it is ready", () => scene.isReady());
      });
      scene.assertRuns();
      const said = scene.said(/level=(warn|error)/).filter((it) => !/msg=Check/.test(it));
      const words = said.map((it) => it.replace(/^.* level=\w+ /, "").replace(/ mend=.*/, ""));
      return {
        measured: `${open} descriptors, all used; ${
          words.length === 0 ? "nothing is said" : `says ${code(words[0]!)}`
        }`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

/** From too few to open anything to enough. */
const FEW = [12, 16, 20, 24, 28, 32, 40];

export const TOO_FEW: Fault = {
  name: `a start with a limit of ${FEW.join(", ")} descriptors`,
  promised:
    "it serves, or ends with a status other than 0 and says what it could not open; nothing is left",
  run: () =>
    Scene.with({ client: false }, async (scene) => {
      const { lab } = scene;
      await scene.relay.stop();
      const file = await writeFile(lab, "few.conf", scene.conf);
      const outcomes: string[] = [];
      for (const limit of FEW) {
        const relay = lab.spawn("rly", [
          "prlimit",
          `--nofile=${limit}`,
          ...teredo("relay", "-c", file),
        ]);
        const isReady = await untilReady(lab, "rly", 9545, relay).then(() => true, () => false);
        if (isReady) {
          const { status } = await relay.stop();
          assert.equal(status, 0, relay.output());
          outcomes.push(`${limit}: serves`);
        } else {
          const { status, stderr } = await relay.result;
          assert.notEqual(status, 0);
          assert.match(stderr, /EMFILE|descriptor|too many open files/i, `${limit}: ${stderr}`);
          outcomes.push(`${limit}: status ${status}`);
        }
        const left = await lab.sh("rly", "ip -o link show dev teredo 2>/dev/null || true");
        assert.equal(left, "");
      }
      return { measured: outcomes.join(", ") };
    }),
};
