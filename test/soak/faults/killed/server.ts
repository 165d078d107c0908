import { SERVER_ADDRESS } from "#src/demo/topology.ts";
import { startServer, until } from "#test/netns/programs.ts";
import { ping, probe } from "#test/netns/traffic.ts";
import assert from "node:assert/strict";
import type { Fault } from "../contract.ts";
import { passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { foundOf, killAgainAndAgain, PROGRAMS_LEFT } from "./lives.ts";

const LEFT = [
  "ss -Hlun 'sport = :3544'",
  "ss -Hltn 'sport = :9544'",
  "ss -Hln -w",
  PROGRAMS_LEFT("ipv4"),
].join("\n");
/** Its client looks for a server that was gone for long only every 100 s, and has to hear it then. */
const MIREDOS_PATIENCE = 360_000;
const CONF = `[server]\nbind_address = ${SERVER_ADDRESS}\nworkers = 2\n`;

export const SERVER_KILLED: Fault = {
  name: "a server is killed (`kill -9`) at a random moment, from its start on",
  promised:
    "sockets and programs go with it; the next one starts; who is qualified goes on, who is new asks again",
  run: (options) =>
    Scene.with({}, async (scene) => {
      // Flows that are there need no server.
      const passed = await passage(scene, async () => {
        scene.server!.kill("SIGKILL");
        await scene.server!.result;
      });
      const deaths = await killAgainAndAgain(
        scene.lab,
        { role: "server", conf: CONF, left: LEFT },
        options,
      );
      await startServer(scene.lab, "teredo");
      assert.equal((await probe(scene.lab, "cli0")).reachable, true);
      await until("the client is back", async () => {
        return / 0% packet loss/.test(await ping(scene.lab, "host6", scene.client, { count: 2 }));
      }, MIREDOS_PATIENCE);
      return foundOf(deaths, passed);
    }),
};
