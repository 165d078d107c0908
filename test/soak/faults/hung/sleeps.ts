import { assertPing } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { Scene } from "../scene.ts";
import { endsByHang, NOTICED } from "./ended.ts";
import { putToSleep } from "./hold.ts";

export const SLEEPS: Fault = {
  name: "one of two workers sleeps in a system call for ever",
  promised: NOTICED,
  isQuick: true,
  run: () =>
    Scene.with({ relay: "workers = 2" }, async (scene) => {
      await putToSleep(scene);
      // The one packet after which it finds its queue empty.
      const ping = scene.lab.spawn("host6", ["ping", "-6", "-c", "1", "-W", "1", scene.client]);
      const found = await endsByHang(scene, /sleeps in the kernel/);
      await ping.result;
      await assertPing(scene.lab, "host6", scene.client);
      return { ...found, lost: "what came for that worker's clients until it was started again" };
    }),
};
