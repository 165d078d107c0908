import assert from "node:assert/strict";
import test from "node:test";
import type { Role } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import { planReload } from "#src/config/reload.ts";
import { memoryFiles } from "./memory_files.ts";

const RELAY = "[relay]\nbind_address = 192.0.2.1\n";
const SYSLOG = "[log]\ntarget = syslog\nfacility = local1\n";

const configOf = (text: string, role: Role = "relay") =>
  loadConfig(role, {
    path: "/etc/teredo.ini",
    overrides: {},
    readFile: memoryFiles({ "/etc/teredo.ini": text }),
  }).config;

const logs: readonly (readonly [name: string, process: string, reload: string, target: string])[] =
  [
    ["where its root directory is the system's", "", "yes", "syslog"],
    ["where that is another", "chroot = /var/empty\n", "restart", "stderr"],
  ];

for (const [name, process, reload, target] of logs) {
  test(`planReload() of another log ${name}: ${reload}`, () => {
    const running = configOf(RELAY + process);
    const { changes, config } = planReload(running, configOf(RELAY + process + SYSLOG), "relay");
    assert.deepEqual(changes.map((it) => [it.id, it.reload]), [
      ["log.target", reload],
      ["log.facility", reload],
    ]);
    assert.equal(config.log.target, target);
  });
}

test("planReload() keeps what waits for a restart, and holds a packet of the MTU that stays", () => {
  const running = configOf(`${RELAY}interface_mtu = 20000\n`);
  const { config } = planReload(running, configOf(`${RELAY}bind_port = 3545\n`), "relay");
  assert.deepEqual([config.relay.interfaceMtu, config.relay.holdBytes], [20_000, 20_000]);
  assert.equal(config.relay.bindPort, running.relay.bindPort);
});

test("planReload() leaves what this daemon cannot take as it is, and takes the rest", () => {
  const running = configOf("[client]\nservers = 192.0.2.1\n", "client");
  const wanted = configOf("[client]\nservers = server.test\nrefresh = 20s\n", "client");
  const { changes, config } = planReload(running, wanted, "client", ["client.servers"]);
  assert.deepEqual(changes.map(({ id, reload }) => `${id} ${reload}`), [
    "client.servers restart",
    "client.refresh yes",
  ]);
  assert.deepEqual(config.client, { ...running.client, refresh: 20_000 });
});

const PRIVATE = "[server]\nbind_address = 10.0.0.1\n";
const ADVERTISED = "advertised_address = 192.0.2.1\nadvertised_address2 = 192.0.2.2\n";

test("planReload() has a server advertise the same as long as it stays bound to the same", () => {
  const running = configOf(PRIVATE + ADVERTISED, "server");
  const wanted = configOf(
    "[server]\nbind_address = 203.0.113.1\nicmp_max_length = 600\n",
    "server",
  );
  const { changes, config } = planReload(running, wanted, "server");
  assert.deepEqual(changes.map((it) => `${it.id} ${it.reload}`), [
    "server.bind_address restart",
    "server.bind_address2 restart",
    "server.advertised_address restart",
    "server.advertised_address2 restart",
    "server.icmp_max_length yes",
  ]);
  assert.deepEqual(config.server, { ...running.server, icmpMaxLength: 600 });
});

test("planReload() takes what a server is to advertise where it stays bound", () => {
  const running = configOf(PRIVATE + ADVERTISED, "server");
  const wanted = configOf(PRIVATE + ADVERTISED.replaceAll("192.0.2", "203.0.113"), "server");
  assert.deepEqual(planReload(running, wanted, "server").config.server, wanted.server);
});

test("planReload() takes the rest of a server's file where its addresses and what goes with them wait", () => {
  const apart = "bind_address2 = 9.9.9.9\nallow_non_consecutive = yes\nrefuse_reserved = no\n";
  const running = configOf(`[server]\nbind_address = 9.9.9.1\n${apart}`, "server");
  const wanted = configOf(
    "[server]\nbind_address = 9.9.9.1\nrefuse_reserved = yes\nicmp_max_length = 600\n",
    "server",
  );
  const { config: { server }, changes } = planReload(running, wanted, "server");
  assert.equal(server.bindAddress2, running.server.bindAddress2);
  assert.deepEqual([server.allowNonConsecutive, server.refuseReserved], [true, false]);
  assert.deepEqual(changes.filter(({ reload }) => reload !== "restart").map(({ id }) => id), [
    "server.icmp_max_length",
  ]);
});
