import assert from "node:assert/strict";
import { assertPing, assertTcp, ping, startTcpServer } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene } from "../scene.ts";

const LARGEST = 700;
const RULES = `table ip hole {
  chain forward { type filter hook forward priority -500; meta length > ${LARGEST} drop; }
}`;

export const HOLE: Fault = {
  name:
    `a hole in the way to the client: what is longer than ${LARGEST} bytes vanishes, nobody says so`,
  promised: "small packets pass all along, large ones once the hole is gone; nothing is held up",
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab, client } = scene;
      await lab.run("nat0", ["nft", "-f", "-"], { input: RULES });
      const passed = await passage(scene, async () => {
        const large = await ping(lab, "host6", client, { count: 10, more: ["-s", "1000"] });
        assert.match(large, / 100% packet loss/);
      });
      assert.equal(passed.lost, 0);
      await lab.sh("nat0", "nft delete table ip hole");
      await assertPing(lab, "host6", client, { count: 10, more: ["-s", "1000"] });
      return {
        measured: "0 of 10 large pings meanwhile, 10 of 10 after it",
        recovered: 0,
        lost: `${lostOf(passed)} of 104 bytes`,
      };
    }),
};

export const TOO_BIG: Fault = {
  name: "a host sends packets that are longer than the interface's MTU of 1280",
  promised: "it is told (ICMPv6 Packet Too Big), and TCP finds its way",
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab, client } = scene;
      const argv = ["ping", "-6", "-n", "-M", "do", "-s", "1400", "-c", "3", "-i", "0.2", client];
      const { stdout, stderr } = await lab.run("host6", argv);
      assert.match(stdout + stderr, /Packet too big: mtu=1280|mtu[= ]1280/);
      await startTcpServer(lab);
      await assertTcp(lab, "cli0", 256 * 1024);
      return { measured: "`mtu=1280`; TCP carried 256 KiB each way", recovered: 0 };
    }),
};
