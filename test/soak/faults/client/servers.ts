import assert from "node:assert/strict";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { script, START_PATIENCE } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf } from "../passage.ts";
import { ClientScene, STANDBY_ADDRESS } from "./client_scene.ts";

const PORT = "5002";
/** A refresh interval, in which silence shows, and the 4 s that a solicitation is waited for. */
const NOTICED = 34_000;

export const SERVER_KILLED: Fault = {
  name: "the client's server is killed (`kill -9`), and there is another one",
  promised: "it is noticed at the next refresh; a TCP connection and pings go on all the while",
  run: () =>
    ClientScene.with({ standby: true, lines: "refresh = 10s" }, async (scene) => {
      const { lab, namespace, server } = scene;
      await scene.until("the first server carries", (it) => it.server?.primary === SERVER_ADDRESS);
      await scene.until("the second one is measured", (it) => it.standbys.some(({ live }) => live));
      const echo = lab.spawn("host6", script("tcp_peer.ts", "echo", HOST_IPV6, PORT));
      await echo.waitForLine(/listening/, START_PATIENCE);
      const talk = lab.spawn(namespace, script("tcp_peer.ts", "talk", HOST_IPV6, PORT));
      await talk.waitForLine(/heard 5$/, START_PATIENCE);
      let took = 0;
      const passed = await scene.passage(async () => {
        server.kill("SIGKILL");
        await server.result;
        took = await scene.until(
          "the second server carries",
          (it) => it.server?.primary === STANDBY_ADDRESS && it.state === "qualified",
        );
      });
      const heard = () => Number(/heard (\d+)\n$/.exec(talk.output())?.[1]);
      const before = heard();
      await talk.waitForLine(new RegExp(`heard ${before + 5}$`), START_PATIENCE);
      assert.ok(!talk.ended, talk.output());
      const { deprecated } = await scene.status();
      assert.equal(deprecated.length, 1, "the old address is gone");
      return {
        measured: `another one ${seconds(took)} after the kill, every 10 s asked; TCP goes on`,
        recovered: passed.recovered,
        lost: lostOf(passed),
        late: took > NOTICED ? `noticed after ${seconds(took)}` : undefined,
      };
    }),
};

export const ONLY_SERVER_KILLED: Fault = {
  name: "the client's only server is killed and comes back",
  promised: "flows go on as long as relays know the client; it qualifies again by itself",
  run: () =>
    ClientScene.with({ lines: "refresh = 10s" }, async (scene) => {
      const { lab, server } = scene;
      const passed = await scene.passage(async () => {
        server.kill("SIGSTOP");
        await scene.until("it says so", (it) => it.state === "offline");
        scene.assertRuns();
        server.kill("SIGCONT");
        await scene.until("it is qualified", (it) => it.state === "qualified");
      });
      const { stdout } = await lab.run(scene.namespace, ["ping", "-6", "-c", "3", HOST_IPV6]);
      assert.match(stdout, / 0% packet loss/);
      return {
        measured: "`offline`, then `qualified` by itself",
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

/** Three hosts whose tests failed, and the 60 s in which they have to. */
const HOSTS = ["2001:db8:1::11", "2001:db8:1::12", "2001:db8:1::13"];

export const SERVER_WITHOUT_IPV6: Fault = {
  name: "the client's server answers, but has lost its IPv6; there is another one",
  promised: "`native` is told apart from `qualified`; the other server is taken in two minutes",
  run: () =>
    ClientScene.with({ standby: true, lines: "refresh = 10s" }, async (scene) => {
      const { lab, namespace } = scene;
      await scene.until("the first server carries", (it) => it.server?.primary === SERVER_ADDRESS);
      for (const it of HOSTS) {
        await lab.sh("host6", `ip -6 address add ${it}/64 dev ipv6 nodad`);
      }
      await lab.sh("srv", "ip link set ipv6 down");
      const asking = HOSTS.map((it) => lab.spawn(namespace, ["ping", "-6", "-n", it]));
      const took = await scene.until(
        "the other server carries",
        (it) => it.server?.primary === STANDBY_ADDRESS,
      );
      await scene.until("natives answer", ({ native }) => native === "ok");
      for (const it of asking) it.kill("SIGINT");
      scene.assertRuns();
      return {
        measured: `the other one after ${seconds(took)}; natives answer`,
        recovered: took,
        late: took > 120_000 ? `after ${seconds(took)}` : undefined,
      };
    }),
};

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
