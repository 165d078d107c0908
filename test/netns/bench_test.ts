import assert from "node:assert/strict";
import test from "node:test";
import { BenchLab } from "#test/bench/bench_lab.ts";
import type { RemoteStation } from "#test/bench/remote_station.ts";
import { wait } from "./programs.ts";
import type { Kind, SendCommand } from "#test/bench/station_contract.ts";
import { makeContact, startTunnel } from "#test/bench/tcp.ts";

/** Far below what any machine carries: each packet must arrive. */
const LOAD = { do: "send", size: 88, peers: 64, first: 0, rate: 3_200, seconds: 0.25 } as const;
/** Of other kinds on the same link: neighbours that look for each other, the greetings' answers. */
const STRAY = 20;

/** Where each kind of load comes from, and where it must arrive. */
function endsOf(lab: BenchLab, kind: Kind): Promise<[RemoteStation, RemoteStation]> {
  switch (kind) {
    case "up":
    case "plain-up":
      return Promise.all([lab.source("clients"), lab.host()]);
    case "down":
    case "plain-down":
      return Promise.all([lab.source("host"), lab.clients()]);
    default:
      return Promise.all([lab.serverSource(), lab.clients()]);
  }
}

async function assertArrives(lab: BenchLab, kind: Kind, burst: number): Promise<void> {
  const [source, sink] = await endsOf(lab, kind);
  const load: SendCommand = { ...LOAD, kind, burst };
  const counting = sink.do({ do: "count", after: 0, seconds: LOAD.seconds + 0.5 });
  await wait(100); // it has begun
  const sent = await source.do(load);
  const { packets } = await counting;
  assert.equal(sent.packets, LOAD.rate * LOAD.seconds, `${kind}, bursts of ${burst}`);
  const surplus = packets - sent.packets;
  assert.ok(surplus >= 0 && surplus <= STRAY, `${kind}, bursts of ${burst}: ${packets} arrived`);
}

test("Every load of the bench arrives whole, and its tunnel client is reached", async () => {
  const lab = await BenchLab.create({ maker: "teredo", workers: 1 });
  try {
    await lab.greet(LOAD.peers);
    for (const kind of ["up", "down", "plain-up", "plain-down"] as const) {
      for (const burst of [16, 1]) await assertArrives(lab, kind, burst);
    }
    for (const kind of ["solicit", "bubble"] as const) await assertArrives(lab, kind, 1);
    await startTunnel(lab);
    await makeContact(lab);
  } finally {
    await lab.close();
  }
});
