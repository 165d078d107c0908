import assert from "node:assert/strict";
import test from "node:test";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { LoadLab } from "#test/load/load_lab.ts";
import { readCounts } from "#test/load/metrics.ts";
import type { LoadResult } from "#test/load/role.ts";
import { parseExposition } from "#test/status/exposition_parser.ts";
import { get, startMiredoClient, startRelay, startServer } from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

/**
 * Relay and server with more workers than one, as their processes run, with real peers and loads.
 * That order is kept packet by packet is shown where no other queue can change it:
 * test/datapath/threads/wire_test.ts.
 */
const OPTIONS = { timeout: 600_000 };
const WORKERS = 2;
const RELAY_CONF = `[relay]\nworkers = ${WORKERS}\n`;
const SERVER_CONF = `[server]\nbind_address = ${SERVER_ADDRESS}\nworkers = ${WORKERS}\n`;

const CLIENTS = 200;
const SECONDS = 3;
const PACKETS_A_SECOND = 5_000;
const SOURCES = 300;

/** What a daemon says of itself. */
async function read(load: LoadLab, namespace: string, port: number) {
  const base = `http://127.0.0.1:${port}`;
  const text = await get(load.lab, namespace, `${base}/metrics`);
  const status = await get(load.lab, namespace, `${base}/status`);
  assert.ok(text !== undefined && status !== undefined);
  const gauge = (name: string) => parseExposition(text).get(name)!.samples.get("");
  return { ...readCounts(text), gauge, workers: JSON.parse(status).workers };
}

/** Each packet that was to come did, once. */
function assertWhole(who: string, result: LoadResult): void {
  const { sent, received, duplicates, foreign } = result;
  assert.deepEqual(
    { sent, received, duplicates, foreign },
    { sent: result.planned, received: result.expected, duplicates: 0, foreign: 0 },
    who,
  );
}

test(
  `Relay with ${WORKERS} workers: every packet of ${CLIENTS} clients arrives, each client is known once`,
  OPTIONS,
  async () => {
    const load = await LoadLab.create();
    try {
      await startRelay(load.lab, "teredo", RELAY_CONF);
      await load.prefer("rly");
      const { clients, host } = await load.exchange({
        clients: CLIENTS,
        up: PACKETS_A_SECOND,
        down: PACKETS_A_SECOND,
        seconds: SECONDS,
      });
      assertWhole("clients", clients);
      assertWhole("host", host);
      const { counters, gauge, workers } = await read(load, "rly", 9545);
      assert.deepEqual(workers, { count: WORKERS, reason: `workers = ${WORKERS}` });
      assert.equal(gauge("teredo_workers"), WORKERS);
      assert.equal(gauge("teredo_peers"), CLIENTS);
      assert.equal(gauge("teredo_trusted_peers"), CLIENTS);
      assert.equal(counters.peers_created, CLIENTS);
      assert.equal(counters.bubbles_answered, CLIENTS);
    } finally {
      await load.close();
    }
  },
);

test(
  `Server with ${WORKERS} workers: each solicitation is answered, from the address it was sent to`,
  OPTIONS,
  async () => {
    const load = await LoadLab.create();
    try {
      await startServer(load.lab, "teredo", SERVER_CONF);
      await load.prefer("srv");
      const rate = PACKETS_A_SECOND;
      const result = await load.solicit({ rate, seconds: SECONDS, sources: SOURCES });
      assertWhole("solicitations", result);
      const { counters, drops, workers } = await read(load, "srv", 9544);
      assert.equal(workers.count, WORKERS);
      assert.equal(counters.advertisements_sent, result.received);
      assert.equal(drops["rate_limited"], 0);
    } finally {
      await load.close();
    }
  },
);

test(
  `Relay and server with ${WORKERS} workers each serve Miredo's client, also after a restart`,
  OPTIONS,
  async () => {
    const load = await LoadLab.create();
    const { lab } = load;
    try {
      const [, relay] = await Promise.all([
        startServer(lab, "teredo", SERVER_CONF),
        startRelay(lab, "teredo", RELAY_CONF),
      ]);
      const { address } = await startMiredoClient(lab, "cli0");
      await assertPing(lab, "host6", address);
      await assertPing(lab, "cli0", HOST_IPV6);
      relay.kill("SIGTERM");
      const { status, stderr } = await relay.result;
      assert.equal(status, 0, stderr);
      await startRelay(lab, "teredo", RELAY_CONF);
      // The first datagram that the new relay sees makes it ask for proof, and is no longer there then.
      assert.match(await ping(lab, "cli0", HOST_IPV6), / [45] received/);
    } finally {
      await load.close();
    }
  },
);

test(
  `Relay with ${WORKERS} workers: one that fails ends all, and the log says which`,
  OPTIONS,
  async () => {
    const load = await LoadLab.create();
    const { lab } = load;
    try {
      const relay = await startRelay(lab, "teredo", RELAY_CONF);
      // It cannot be made again, as something else has its name.
      const take = String
        .raw`printf 'link delete teredo\nlink add teredo type bridge\n' | ip -batch -`;
      const isTaken = "ip -d link show teredo | grep -q bridge";
      await lab.sh("rly", `until ${isTaken}; do ${take} || true; done 2>/dev/null`);
      const { status, stderr } = await relay.result;
      assert.equal(status, 1, stderr);
      const failures = stderr.split("\n").filter((line) => line.includes("Datapath failed"));
      assert.equal(failures.length, 1, stderr);
      assert.match(failures[0]!, /error="Worker [12] of 2: The interface teredo is gone/);
      assert.equal(await lab.sh("rly", "ip -6 route show 2001::/32"), "");
    } finally {
      await load.close();
    }
  },
);
