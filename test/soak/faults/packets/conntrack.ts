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
/** The kernel makes room for the last ones by giving up what nobody has answered. */
const BEYOND = 1_000;

export const CONNTRACK_FULL: Fault = {
  name: "the kernel's table of connections (conntrack) is full on the relay's host",
  promised:
    "flows that are in it pass; of new ones what the kernel drops is lost; all is well after it",
  run: () =>
    // Past the fast path, whose packets the table does not see.
    Scene.with({ relay: "fast_path = off" }, async (scene) => {
      const { lab, client } = scene;
      await lab.run("rly", ["nft", "-f", "-"], { input: TRACK });
      await assertPing(lab, "host6", client);
      const room = Number(readFileSync("/proc/sys/net/netfilter/nf_conntrack_max", "utf8"));
      const tool = fileURLToPath(new URL("../tools/assured.pl", import.meta.url));
      let newcomer = "";
      let [count, dropped] = [0, 0];
      const passed = await passage(scene, async () => {
        const argv = ["perl", tool, RELAY_ADDRESS, `${RELAY_PORT}`, `${room + BEYOND}`];
        await succeed(lab.spawn("rly", argv));
        count = Number(await scene.sh("cat /proc/sys/net/netfilter/nf_conntrack_count"));
        const before = await droppedOf(scene);
        newcomer = await ping(lab, "srv", client, { count: 3 });
        dropped = await droppedOf(scene) - before;
      });
      assert.ok(count >= 0.95 * room, `${count} of ${room}`);
      scene.assertRuns();
      const [, lost] = /(\d+)% packet loss/.exec(newcomer)!;
      assert.equal(lost, "100", "a new host's packets find room");
      assert.ok(dropped > 0, "the kernel has dropped none");
      await lab.sh("rly", "nft delete table inet track");
      await assertPing(lab, "host6", client);
      await assertPing(lab, "srv", client);
      return {
        measured:
          `${count} of ${room} entries, and ${dropped} packets refused; a new host's pings: ${lost} % lost`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

/** Packets for whose flow there was no room, by all processors. */
async function droppedOf(scene: Scene): Promise<number> {
  const [head, ...rows] = (await scene.sh("cat /proc/net/stat/nf_conntrack")).trim().split("\n");
  const column = head!.trim().split(/\s+/).indexOf("drop");
  return rows.reduce((sum, row) => sum + parseInt(row.trim().split(/\s+/)[column]!, 16), 0);
}
