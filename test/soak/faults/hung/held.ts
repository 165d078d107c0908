import assert from "node:assert/strict";
import { Scene } from "../scene.ts";
import type { Fault } from "../contract.ts";
import { until } from "#test/netns/programs.ts";
import { hold } from "./hold.ts";

const SECONDS = 12;

export const HELD: Fault = {
  name: "a debugger holds a worker for 12 s",
  promised:
    "not taken for a hang; not alive meanwhile (`/healthz` gives 503), alive again after it",
  run: () =>
    Scene.with({ relay: "workers = 1" }, async (scene) => {
      const [worker] = await scene.workers();
      const health = async () => {
        const argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"];
        const { stdout } = await scene.lab.run("rly", [...argv, "http://127.0.0.1:9545/healthz"]);
        return stdout.trim();
      };
      const holder = hold(scene, worker!, SECONDS);
      await until("it is not alive", async () => await health() === "503");
      await holder;
      await until("it is alive", async () => await health() === "200");
      scene.assertRuns();
      assert.deepEqual(scene.said(/msg="Datapath failed"/), []);
      return { measured: "503, then 200; the daemon runs", recovered: 0 };
    }),
};
