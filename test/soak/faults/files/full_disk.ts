import assert from "node:assert/strict";
import { assertPing } from "#test/netns/traffic.ts";
import { teredo, untilReady, writeFile } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { Scene } from "../scene.ts";
import { code } from "../words.ts";
import { fullFolder } from "./started.ts";

const FOLDER = "/run/teredo-relay";

/** Files that a relay leaves to the next one. */
export const FULL_RUNTIME: Fault = {
  name: "the runtime directory is full when the relay ends",
  promised:
    "it ends with status 0 and says what it could not leave; the next one starts as after a kill",
  isQuick: true,
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab } = scene;
      await scene.relay.stop();
      await lab.sh("rly", fullFolder(FOLDER));
      const file = await writeFile(lab, "full.conf", scene.conf);
      const start = async () => {
        scene.relay = lab.spawn("rly", teredo("relay", "-c", file));
        await untilReady(lab, "rly", 9545, scene.relay);
      };
      await start();
      await assertPing(lab, "host6", scene.client);
      const { status, stderr } = await scene.relay.stop(60_000);
      assert.equal(status, 0, stderr);
      const said = stderr.split("\n").filter((it) => /level=(warn|error)/.test(it))
        .filter((it) => !/msg=Check/.test(it));
      assert.ok(said.length > 0, stderr);
      await start();
      await assertPing(lab, "host6", scene.client);
      const words = said.map((it) => it.replace(/^.* level=\w+ /, "").replace(/ mend=.*/, ""));
      return { measured: `says ${code(words.join("; "))}`, lost: "what it knew of its peers" };
    }),
};
