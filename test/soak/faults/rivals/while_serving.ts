import assert from "node:assert/strict";
import { START_PATIENCE, until } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";
import { code, several } from "../words.ts";

/** The same port, with SO_REUSEADDR and SO_REUSEPORT: as much as a program can ask for. */
const BIND = `use Socket;
socket(S, PF_INET, SOCK_DGRAM, 17) or die;
setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
setsockopt(S, SOL_SOCKET, 15, 1);
print bind(S, pack_sockaddr_in(3545, inet_aton($ARGV[0]))) ? "bound" : "refused: $!";`;

export const PORT_TAKEN: Fault = {
  name: "another user's program binds the relay's port, at every address and at its own one",
  promised: "the kernel refuses it; packets pass",
  run: () =>
    Scene.with({ relay: "workers = 2" }, async (scene) => {
      const said: string[] = [];
      const passed = await passage(scene, async () => {
        for (const address of ["0.0.0.0", "198.51.100.50"]) {
          const argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
          const { stdout } = await scene.lab.run("rly", [...argv, "perl", "-e", BIND, address]);
          said.push(stdout.trim());
        }
      });
      for (const it of said) assert.match(it, /^refused/);
      return { measured: said.join(", "), recovered: passed.recovered, lost: lostOf(passed) };
    }),
};

export const ROUTE_TAKEN: Fault = {
  name: "another program replaces the route of the prefix by its own, which wins",
  promised:
    "it stays, the log names it, the relay is not ready; ready again, by itself, once it is gone",
  run: () =>
    Scene.with({}, async (scene) => {
      let words = "";
      const passed = await passage(scene, async () => {
        await scene.sh(
          "ip -6 route del 2001::/32 dev teredo; ip -6 route add 2001::/32 dev ipv6 metric 1 proto bird",
        );
        words = await scene.relay.waitForLine(/Cannot restore/, START_PATIENCE);
        await until("it is not ready", async () => !await scene.isReady());
        await scene.sh("ip -6 route del 2001::/32 dev ipv6 metric 1");
        await until("it is ready", () => scene.isReady());
      });
      scene.assertRuns();
      return {
        measured: `says ${code(/problem="([^"]*)"/.exec(words)?.[1] ?? words)}`,
        recovered: undefined,
        lost: `while it was there: ${lostOf(passed)}`,
      };
    }),
};

const FIGHT_SECONDS = 5;

export const ROUTE_FLUSHED: Fault = {
  name: `another program flushes the interface's routes 20 times a second, for ${FIGHT_SECONDS} s`,
  promised: "few lines of log, waits between its own attempts; put right once it stops",
  run: () =>
    Scene.with({}, async (scene) => {
      const passed = await passage(scene, async () => {
        const loop = "while :; do ip -6 route flush dev teredo; sleep 0.05; done";
        await scene.lab.run("rly", ["timeout", `${FIGHT_SECONDS}`, "sh", "-c", loop]);
        await until("it is ready", () => scene.isReady());
      });
      const lines = scene.said(/what=route/).length;
      assert.ok(lines <= 12, scene.relay.output());
      return {
        measured: several(lines, "line"),
        recovered: Math.max(0, passed.recovered - 1000 * FIGHT_SECONDS),
        lost: lostOf(passed),
      };
    }),
};
