import type { Fault, Found } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { endsByHang, NOTICED } from "./ended.ts";
import { spin } from "./hold.ts";

export const SPINS: Fault = {
  name: "one of two workers spins for ever",
  promised: NOTICED,
  isQuick: true,
  run: () =>
    Scene.with({ relay: "workers = 2" }, async (scene) => {
      const [, worker] = await scene.workers();
      let found: Found | undefined;
      const passed = await passage(scene, async () => {
        await spin(scene, scene.pid, worker!);
        found = await endsByHang(scene, /used a processor for \d/);
      });
      return { ...found!, recovered: passed.recovered, lost: lostOf(passed) };
    }),
};
