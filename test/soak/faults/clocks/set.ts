import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { START_PATIENCE, teredo, untilReady, wait, writeFile } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";

/** What libfaketime(3) reads the clock's offset from, again for each call. */
const OFFSET = "/run/offset";
const JUMPS = ["+1h", "-2h", "+365d", "-730d", "+0"] as const;

/** The machine's clock is everybody's: this one daemon sees another. */
function faked(): string[] {
  const [library] = globSync("/usr/lib/*/faketime/libfaketime.so.1");
  assert.ok(library !== undefined, "libfaketime.so.1 is missing");
  return [
    "env",
    `LD_PRELOAD=${library}`,
    `FAKETIME_TIMESTAMP_FILE=${OFFSET}`,
    "FAKETIME_NO_CACHE=1",
    "FAKETIME_DONT_FAKE_MONOTONIC=1",
  ];
}

export const CLOCK_SET: Fault = {
  name: `the wall clock is set: by ${JUMPS.slice(0, -1).join(", ")}, and back`,
  promised: "told as `Clock set`; no timer, peer or packet heeds it",
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab } = scene;
      await scene.relay.stop();
      await lab.sh("rly", `printf +0 > ${OFFSET}`);
      const file = await writeFile(lab, "clock.conf", scene.conf);
      scene.relay = lab.spawn("rly", [...faked(), ...teredo("relay", "-c", file)]);
      await untilReady(lab, "rly", 9545, scene.relay);
      const passed = await passage(scene, async () => {
        for (const [i, jump] of JUMPS.entries()) {
          await lab.sh("rly", `printf -- '${jump}' > ${OFFSET}`);
          const deadline = performance.now() + START_PATIENCE;
          while (scene.said(/msg="Clock set"/).length <= i) {
            assert.ok(performance.now() < deadline, `nothing is said of ${jump}`);
            await wait(100);
          }
        }
      });
      scene.assertRuns();
      assert.ok(await scene.isReady());
      assert.equal(
        scene.said(/level=(warn|error)/).filter((it) => !/msg=Check/.test(it)).length,
        0,
      );
      const said = scene.said(/msg="Clock set"/).map((it) => /seconds=(\S+)/.exec(it)![1]);
      return {
        measured: `told ${said.length} times, by ${said.join(", ")} s`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};
