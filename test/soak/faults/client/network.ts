import assert from "node:assert/strict";
import { NAT_OUTSIDE } from "#src/demo/nat.ts";
import { IPV4_LINK } from "#src/demo/topology.ts";
import { wait } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf } from "../passage.ts";
import { ClientScene } from "./client_scene.ts";
import { seconds } from "./servers.ts";

/** The kernel forgets what it masqueraded by a link that goes down. */
const FORGET = `ip link set ${NAT_OUTSIDE} down; ip link set ${NAT_OUTSIDE} up`;

export const NAT_FORGETS: Fault = {
  name: "the client's NAT forgets all its mappings, and gives the same ones again",
  promised: "the address stays; the next packet from inside opens the way again",
  isQuick: true,
  run: () =>
    ClientScene.with({}, async (scene) => {
      const { address } = await scene.status();
      const passed = await scene.passage(() => scene.lab.sh("nat0", FORGET));
      assert.equal((await scene.status()).address, address);
      scene.assertRuns();
      return { measured: "the same address", recovered: passed.recovered, lost: lostOf(passed) };
    }),
};

export const NAT_REMAPS: Fault = {
  name: "the client's NAT forgets all its mappings, and gives others",
  promised:
    "noticed after 2 s of sending in vain: a new address, the old one is taken away (RFC 4380 §5.2.5)",
  run: () =>
    ClientScene.with({ nat: "symmetric" }, async (scene) => {
      const { address } = await scene.status();
      let took = 0;
      const passed = await scene.passage(async () => {
        await scene.lab.sh("nat0", FORGET);
        took = await scene.until("the address is another", (it) => it.address !== address);
      });
      const shown = await scene.lab.sh(scene.namespace, "ip -6 address show dev teredo");
      assert.ok(!shown.includes(address!), shown);
      assert.ok(shown.includes((await scene.status()).address!), shown);
      return {
        measured: `another address ${seconds(took)} later`,
        recovered: passed.recovered,
        lost: lostOf(passed),
        late: took > 5_000 ? `after ${seconds(took)}` : undefined,
      };
    }),
};

export const ADDRESS_SWAPPED: Fault = {
  name: "the client's own IPv4 address becomes another one",
  promised: "noticed at once, not at the next refresh: another Teredo address",
  isQuick: true,
  run: () =>
    ClientScene.with({ nat: "none" }, async (scene) => {
      const { address } = await scene.status();
      let took = 0;
      const passed = await scene.passage(async () => {
        const swap = `ip address del 198.51.100.20/24 dev ${IPV4_LINK}
          ip address add 198.51.100.220/24 dev ${IPV4_LINK}`;
        await scene.lab.sh(scene.namespace, swap);
        took = await scene.until(
          "the address is another",
          (it) => it.address !== undefined && it.address !== address && it.state === "qualified",
        );
      });
      assert.match((await scene.status()).mapped!, /^198\.51\.100\.220:/);
      return {
        measured: `another address after ${seconds(took)}`,
        recovered: passed.recovered,
        lost: lostOf(passed),
        late: took > 2_000 ? `after ${seconds(took)}` : undefined,
      };
    }),
};

const ASLEEP = 60_000;

export const CLIENT_STOPPED: Fault = {
  name: "a client is stopped (SIGSTOP) for a minute, then goes on",
  promised: "its server is asked at once, not at the next refresh; packets pass within a second",
  run: () =>
    ClientScene.with({}, async (scene) => {
      const passed = await scene.passage(async () => {
        scene.client.kill("SIGSTOP");
        await wait(ASLEEP);
        scene.client.kill("SIGCONT");
      });
      const after = Math.max(0, passed.recovered - ASLEEP);
      scene.assertRuns();
      return {
        measured: `packets pass ${after} ms after SIGCONT`,
        recovered: after,
        lost: `${lostOf(passed)}, most of them in that minute`,
        late: after > 1_000 ? `after ${seconds(after)}` : undefined,
      };
    }),
};
