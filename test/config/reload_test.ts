import assert from "node:assert/strict";
import test from "node:test";
import { loadConfig } from "#src/config/load.ts";
import { planReload } from "#src/config/reload.ts";
import { memoryFiles } from "./memory_files.ts";

const RELAY = "[relay]\nbind_address = 192.0.2.1\n";
const SYSLOG = "[log]\ntarget = syslog\nfacility = local1\n";

const configOf = (text: string) =>
  loadConfig("relay", {
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
