import assert from "node:assert/strict";
import { SERVER_ADDRESS } from "#src/demo/topology.ts";
import { START_PATIENCE, startServer } from "#test/netns/programs.ts";
import { probe } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { fieldOf, pidOf, Scene, workersOf } from "../scene.ts";
import { NOTICED, PROMISED } from "./ended.ts";
import { spin } from "./hold.ts";

const CONF = `[server]\nbind_address = ${SERVER_ADDRESS}\nworkers = 2\n`;

export const SERVER_SPINS: Fault = {
  name: "one of a server's two workers spins for ever",
  promised: NOTICED,
  run: () =>
    Scene.with({ server: CONF }, async (scene) => {
      const { lab } = scene;
      const server = scene.server!;
      const [, worker] = await workersOf(lab, pidOf(server));
      let noticed = 0;
      let error = "";
      const passed = await passage(scene, async () => {
        await spin(scene, pidOf(server), worker!);
        const since = performance.now();
        error = fieldOf(await server.waitForLine(/msg="Datapath failed"/, START_PATIENCE), "error");
        noticed = Math.round(performance.now() - since);
        assert.equal((await server.result).status, 1);
        await startServer(lab, "teredo", CONF);
      });
      assert.match(error, /^Worker 2 of 2: its thread hangs: it used a processor/);
      assert.equal((await probe(lab, "cli0")).reachable, true);
      return {
        measured: `told after ${noticed} ms: \`${error}\``,
        recovered: passed.recovered,
        lost: `${lostOf(passed)}: flows that are there need no server`,
        late: noticed < PROMISED ? undefined : `noticed after ${noticed} ms`,
      };
    }),
};
