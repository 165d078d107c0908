import assert from "node:assert/strict";
import test from "node:test";
import { LoadLab } from "#test/load/load_lab.ts";
import { metric, startRelay, until, wait } from "./programs.ts";

const OPTIONS = { timeout: 120_000 };
const CLIENTS = 1_000;
const SECONDS = 6;
/** Packets a second each way, five for each client. */
const RATE = 5_000;

const count = (load: LoadLab, name: string) => metric(load.lab, "rly", 9545, `teredo_${name}`);

test(`a relay restarted by SIGTERM knows its ${CLIENTS} peers, and asks none of them again`, OPTIONS, async (t) => {
  const load = await LoadLab.create();
  try {
    const relay = await startRelay(load.lab, "teredo");
    const exchange = load.exchange({ clients: CLIENTS, up: RATE, down: RATE, seconds: SECONDS });
    await until("all are trusted", async () => await count(load, "trusted_peers") === CLIENTS);
    await wait(500);
    console.log((await relay.stop()).stderr);
    const next = await startRelay(load.lab, "teredo");
    const { clients, host } = await exchange;
    console.log(next.output());
    console.log(clients, host);
    assert.equal(await count(load, "peers_taken_over_total"), CLIENTS);
    assert.equal(clients.bubblesReceived, CLIENTS, "one each, at first");
    void t;
  } finally {
    await load.close();
  }
});
