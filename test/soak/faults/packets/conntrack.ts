import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { RELAY_ADDRESS } from "#src/demo/topology.ts";
import { RELAY_PORT } from "#test/netns/programs.ts";
import { assertPing, ping } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene, succeed } from "../scene.ts";

const TRACK = `table inet track {
  chain input { type filter hook input priority 0; ct state new accept; }
  chain output { type filter hook output priority 0; ct state new accept; }
}`;
/** Some of them find a bucket that is being cleaned: a few more than there is room for. */
const BEYOND = 2_000;

export const CONNTRACK_FULL: Fault = {
  name: "the kernel's table of connections (conntrack) is full on the relay's host",
  promised:
    "flows that are in it pass; of new ones what the kernel drops is lost; all is well after it",
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab, client } = scene;
      await lab.run("rly", ["nft", "-f", "-"], { input: TRACK });
      await assertPing(lab, "host6", client);
      const room = Number(readFileSync("/proc/sys/net/netfilter/nf_conntrack_max", "utf8"));
      const tool = fileURLToPath(new URL("../tools/flows.pl", import.meta.url));
      // No answer of a relay to strangers, which would take room twice.
      await lab.sh("rly", "ip route add 198.18.0.0/15 via 198.51.100.1");
      let newcomer = "";
      let count = 0;
      const passed = await passage(scene, async () => {
        const argv = ["perl", tool, RELAY_ADDRESS, `${RELAY_PORT}`, `${room + BEYOND}`];
        await succeed(lab.spawn("srv", argv));
        count = Number(await scene.sh("cat /proc/sys/net/netfilter/nf_conntrack_count"));
        newcomer = await ping(lab, "srv", client, { count: 3 });
      });
      assert.ok(count >= 0.95 * room, `${count} of ${room}`);
      scene.assertRuns();
      await lab.sh("rly", "nft delete table inet track");
      await assertPing(lab, "host6", client);
      const [, lost] = /(\d+)% packet loss/.exec(newcomer)!;
      return {
        measured: `${count} of ${room} entries; a new host's pings: ${lost} % lost meanwhile`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};
