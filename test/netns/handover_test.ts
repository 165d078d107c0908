import assert from "node:assert/strict";
import test from "node:test";
import { LoadLab } from "#test/load/load_lab.ts";
import { metric, startRelay, until } from "./programs.ts";

const OPTIONS = { timeout: 180_000 };
const CLIENTS = 1_000;
/** Long enough for a restart on a busy machine. */
const SECONDS = 12;
/** Packets a second each way, two for each client. */
const RATE = 2_000;

const count = (load: LoadLab, name: string) => metric(load.lab, "rly", 9545, `teredo_${name}`);

test(
  `a relay restarted by SIGTERM serves its ${CLIENTS} peers on, and asks none of them again`,
  OPTIONS,
  async () => {
    const load = await LoadLab.create();
    try {
      const relay = await startRelay(load.lab, "teredo");
      const exchange = load.exchange({ clients: CLIENTS, up: RATE, down: RATE, seconds: SECONDS });
      await until("all are trusted", async () => await count(load, "trusted_peers") === CLIENTS);
      const { stderr, status } = await relay.stop(20_000);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /"Peers handed over" peers=1000 path=\/run\/teredo-relay\/peers/);
      const next = await startRelay(load.lab, "teredo");
      assert.match(next.output(), /"Peers found" peers=1000 /);
      assert.equal(await count(load, "peers_taken_over_total"), CLIENTS);
      const before = await count(load, "udp_sent_datagrams_total");
      const { clients, host } = await exchange;

      assert.ok(
        await count(load, "udp_sent_datagrams_total") > before + CLIENTS,
        "traffic goes on",
      );
      assert.equal(clients.bubblesReceived, CLIENTS, "one each, before the restart");
      assert.equal(await count(load, "packets_held_total"), 0);
      assert.equal(await count(load, 'drops_total{reason="unknown_peer"}'), 0);
      assert.equal(await count(load, 'drops_total{reason="source_mismatch"}'), 0);
      for (const { foreign, duplicates } of [clients, host]) {
        assert.deepEqual({ foreign, duplicates }, { foreign: 0, duplicates: 0 });
      }
    } finally {
      await load.close();
    }
  },
);
