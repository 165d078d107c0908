import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { RELAY_ADDRESS } from "#src/demo/topology.ts";
import { RELAY_PORT, until } from "#test/netns/programs.ts";
import { assertPing } from "#test/netns/traffic.ts";
import type { Fault } from "../contract.ts";
import { lostOf, passage } from "../passage.ts";
import { Scene, succeed } from "../scene.ts";

/** Of which the datagrams of a relay with its smallest MTU come in three pieces. */
const SMALL_MTU = 576;

export const FRAGMENTED: Fault = {
  name: `every large datagram comes and goes in fragments, as by a way with an MTU of ${SMALL_MTU}`,
  promised: "it comes whole, both ways (RFC 4380 §5.1.2: the DF bit is clear)",
  run: () =>
    Scene.with({}, async (scene) => {
      const { lab, client } = scene;
      await lab.sh("rly", `ip link set ipv4 mtu ${SMALL_MTU}`);
      await lab.sh("nat0", `ip link set outside mtu ${SMALL_MTU}`);
      await assertPing(lab, "host6", client, { count: 20, more: ["-s", "1200"] });
      return { measured: "20 of 20 pings of 1,248 bytes", recovered: 0, lost: "none of 20 pings" };
    }),
};

/** A stranger's, in numbers that a socket's buffer has room for. */
const COUNT = 500;
const FLOOD = 50_000;

const KINDS = [
  { kind: "whole", count: COUNT, arrive: COUNT, what: "fit together" },
  { kind: "overlap", count: COUNT, arrive: 0, what: "overlap" },
  {
    kind: "first",
    count: FLOOD,
    arrive: 0,
    what: "are the first ones of datagrams whose rest never comes",
  },
  {
    kind: "last",
    count: FLOOD,
    arrive: 0,
    what: "are the last ones of datagrams that never begin",
  },
] as const;

type Kind = (typeof KINDS)[number];

/** With the kernel's programs, which see fragments first, and without. */
const OPTIONS = ["", "fast_path = off"];

async function sendTo(relay: string, { kind, count, arrive }: Kind) {
  return await Scene.with({ relay }, async (scene) => {
    const { lab } = scene;
    const tool = fileURLToPath(new URL("../tools/fragments.pl", import.meta.url));
    const judgedUpToNow = async () => {
      const text = await lab.sh("rly", "curl -s http://127.0.0.1:9545/status");
      const drops = JSON.parse(text).drops as Record<string, number>;
      return Object.values(drops).reduce((sum, it) => sum + it, 0);
    };
    const before = await judgedUpToNow();
    const argv = ["perl", tool, "198.51.100.1", RELAY_ADDRESS, `${RELAY_PORT}`];
    const passed = await passage(scene, async () => {
      await succeed(lab.spawn("srv", [...argv, `${count}`, kind]));
      if (arrive > 0) {
        await until("all are judged", async () => await judgedUpToNow() - before >= arrive);
      }
    });
    const judged = await judgedUpToNow() - before;
    assert.equal(judged, arrive);
    scene.assertRuns();
    return { judged, passed };
  });
}

export const FRAGMENTS: readonly Fault[] = KINDS.map((kind) => ({
  name: `a stranger sends ${kind.count} fragments or pairs of them that ${kind.what}`,
  promised: kind.arrive > 0
    ? "the kernel joins them, the relay judges each datagram by the rules"
    : "none reaches the relay; packets of clients pass",
  run: async () => {
    const found: Awaited<ReturnType<typeof sendTo>>[] = [];
    for (const relay of OPTIONS) found.push(await sendTo(relay, kind));
    const counts = found.map(({ judged }) => judged).join(" and ");
    return {
      measured: `${counts} datagrams judged and dropped, with the fast path and without`,
      recovered: Math.max(...found.map(({ passed }) => passed.recovered)),
      lost: found.map(({ passed }) => lostOf(passed)).join("; "),
    };
  },
}));
