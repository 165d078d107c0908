import assert from "node:assert/strict";
import { RELAY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { pingUntilTold } from "#test/netns/clients/ping.ts";
import { script } from "#test/netns/programs.ts";
import type { Fault } from "../contract.ts";
import { lostOf } from "../passage.ts";
import { succeed } from "../scene.ts";
import { several } from "../words.ts";
import { ClientScene } from "./client_scene.ts";

const SERVER = `${SERVER_ADDRESS}:3544`;
const VICTIM = `${RELAY_ADDRESS}:7777`;
const COUNT = 5_000;

const forger = (...args: string[]) => script("../soak/faults/client/forger_main.ts", ...args);

export const FORGED_ADVERTISEMENTS: Fault = {
  name: `${COUNT} advertisements come under the server's address, of another mapping`,
  promised: "none counts: they lack the nonce of a solicitation; address and flows stay",
  isQuick: true,
  run: () =>
    ClientScene.with({ nat: "none" }, async (scene) => {
      const { address, mapped } = await scene.status();
      const argv = forger("advertise", `${COUNT}`, SERVER, mapped!, "203.0.113.7:1234");
      const passed = await scene.passage(() => succeed(scene.lab.spawn("rly", argv)));
      const after = await scene.status();
      assert.deepEqual([after.address, after.mapped, after.state], [address, mapped, "qualified"]);
      return {
        measured: "the address is the same",
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

const COUNTER = `table ip victim {
  chain input { type filter hook input priority 0; udp dport 7777 counter; }
}`;

export const FORGED_ORIGINS: Fault = {
  name: `${COUNT} bubbles come under the server's address, all with the same origin`,
  promised: "that origin gets few bubbles, not one for each (RFC 4380 §5.2.6)",
  isQuick: true,
  run: () =>
    ClientScene.with({ nat: "none" }, async (scene) => {
      const { address, mapped } = await scene.status();
      await scene.lab.run("rly", ["nft", "-f", "-"], { input: COUNTER });
      const argv = forger("origins", `${COUNT}`, SERVER, mapped!, VICTIM, address!);
      const passed = await scene.passage(() => succeed(scene.lab.spawn("rly", argv)));
      const counted = await scene.lab.sh("rly", "nft list table ip victim");
      const got = Number(/counter packets (\d+)/.exec(counted)![1]);
      assert.ok(got <= COUNT / 100, `${got} of ${COUNT} reflected`);
      scene.assertRuns();
      return {
        measured: `${several(got, "bubble")} to it`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

export const FLOOD_OF_NATIVES: Fault = {
  name: `${4 * COUNT} packets come from as many native hosts that nobody has heard of`,
  promised: "they are asked for at a bounded rate; no table overflows, a known host's flow goes on",
  isQuick: true,
  run: () =>
    ClientScene.with({ nat: "none" }, async (scene) => {
      const { address, mapped } = await scene.status();
      const before = await scene.metric("teredo_client_echo_tests_total");
      const argv = forger("natives", `${4 * COUNT}`, "198.51.100.60:4000", mapped!, address!);
      const start = performance.now();
      const passed = await scene.passage(() => succeed(scene.lab.spawn("rly", argv)));
      const seconds = (performance.now() - start) / 1_000;
      const asked = await scene.metric("teredo_client_echo_tests_total") - before;
      // Of one address 20 at once and 20 a second, each up to four times; and the host's own.
      assert.ok(asked <= 4 * 20 * (seconds + 2), `${asked} echo tests in ${seconds} s`);
      scene.assertRuns();
      return {
        measured: `${asked} echo tests in ${seconds.toFixed(1)} s`,
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

const SILENT = "2001:0:c633:6401:0:e4a7:39cc:9bcd"; // 198.51.100.50:7000, where nobody is

export const FORGED_NONCES: Fault = {
  name: `${COUNT} bubbles come under a peer's address, with nonces of chance`,
  promised: "the peer is not believed to be there: the packet for it never goes there",
  isQuick: true,
  run: () =>
    ClientScene.with({ nat: "none" }, async (scene) => {
      const { address, mapped } = await scene.status();
      const asking = pingUntilTold(scene.lab, scene.namespace, SILENT);
      const argv = forger("nonces", `${COUNT}`, "198.51.100.60:4000", mapped!, address!, SILENT);
      const passed = await scene.passage(() => succeed(scene.lab.spawn("rly", argv)));
      const { works, told } = await asking;
      assert.deepEqual([works, told], [false, "Destination unreachable: Address unreachable"]);
      const { peers } = await scene.status();
      const reached = peers.filter(({ kind, path }) => kind === "client" && path !== "none");
      assert.deepEqual(reached, []);
      return {
        measured: "its sender is told that nobody is there",
        recovered: passed.recovered,
        lost: lostOf(passed),
      };
    }),
};

export const FORGED_DISCOVERY: Fault = {
  name: `${COUNT} discovery bubbles come to the group from an address of no subnet of ours`,
  promised: "their sender is no neighbour (RFC 4380 §5.2.8): it is reached as any other client",
  isQuick: true,
  run: () =>
    ClientScene.with({ nat: "none", lines: "local_discovery = yes" }, async (scene) => {
      const argv = forger("discover", `${COUNT}`, "192.0.2.7:4000", "224.0.0.253:3544", SILENT);
      // A raw socket has no way to a group of its own.
      await scene.lab.sh("rly", "ip route add 224.0.0.0/4 dev ipv4");
      const passed = await scene.passage(() => succeed(scene.lab.spawn("rly", argv)));
      const { peers } = await scene.status();
      assert.deepEqual(peers.filter(({ kind }) => kind === "local"), []);
      scene.assertRuns();
      return { measured: "no neighbour", recovered: passed.recovered, lost: lostOf(passed) };
    }),
};
