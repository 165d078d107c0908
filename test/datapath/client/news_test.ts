import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { ClientNews, type ToldStatus } from "#src/datapath/client/news.ts";
import { SERVERS_MAX } from "#src/protocol/client/contract.ts";
import { HOMES_MAX } from "#src/protocol/client/servers/homes.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import { addressBytes } from "#test/protocol/packets.ts";

const SERVER = {
  primary: 0xffffffff,
  secondary: 0xffffffff,
  live: false,
  rtt: 123.456_789_012_345,
  native: "unreachable",
  keyRefused: false,
} as const;

const STATUS: ToldStatus = {
  state: "qualified",
  address: addressBytes("2001:0:c633:6401:8000:1234:39cc:9be9"),
  deprecated: [],
  server: SERVER,
  standbys: [],
  mapped: { address: 0xc6336414, port: 40_000 },
  mtu: 1280,
  nat: "restricted",
  filtering: "dependent",
  portPreserving: false,
  native: "ok",
  refresh: 30_000,
  refreshAt: 1_796_000_025_000.5,
  changedAt: 1_796_000_000_000.25,
  randomPorts: 3,
  ways: WAYS.map((_, i) => i),
};

test("ClientNews: what one thread tells the main one has, in copies of its own", () => {
  const main = new ClientNews();
  const thread = new ClientNews(main.buffers);
  assert.equal(main.status(), undefined, "nothing is told");
  assert.equal(main.version, 0);
  thread.tell(STATUS, true);
  assert.deepEqual(main.status(), STATUS);
  main.status()!.address!.fill(0);
  assert.deepEqual(main.status(), STATUS, "what a caller does with a copy is its own matter");
  thread.tell({ ...STATUS, refresh: 10_000 }, false);
  assert.equal(main.version, 1, "times that differ are no news");
  assert.equal(main.status()!.refresh, 10_000);
  const { address: _, server: __, mapped: ___, ...none } = STATUS;
  const offline: ToldStatus = {
    ...none,
    state: "offline",
    address: undefined,
    server: undefined,
    mapped: undefined,
  };
  thread.tell(offline, true);
  assert.equal(main.version, 2);
  assert.equal(main.status()!.address, undefined);
  assert.equal(main.status()!.server, undefined);
});

test("ClientNews has room for as many servers and addresses as there may be", () => {
  const main = new ClientNews();
  const most: ToldStatus = {
    ...STATUS,
    standbys: new Array(SERVERS_MAX - 1).fill(SERVER),
    deprecated: new Array(HOMES_MAX - 1).fill(STATUS.address),
  };
  new ClientNews(main.buffers).tell(most, true);
  assert.deepEqual(main.status(), most);
});

/** Tells of three changes, each when it is allowed to, and in between blocks as a datapath thread does. */
const TELLER = `
import { parentPort, workerData } from "node:worker_threads";
const { ClientNews } = await import(workerData.module);
const news = new ClientNews(workerData.buffers);
const gate = new Int32Array(workerData.gate);
parentPort.postMessage("ready");
await new Promise((resolve) => setTimeout(resolve, 0));
for (let i = 0; i < 3; i++) {
  Atomics.wait(gate, 0, i);
  news.tell({ state: "qualified", refresh: i }, true);
}
Atomics.wait(gate, 0, 3);
parentPort.postMessage("ended");
`;

test("ClientNews.onChange() hears of each change while the other thread blocks, until it is ended", async () => {
  const main = new ClientNews();
  const gate = new SharedArrayBuffer(4);
  const module = new URL("../../../src/datapath/client/news.ts", import.meta.url).href;
  const code = new URL(`data:text/javascript,${encodeURIComponent(TELLER)}`);
  const worker = new Worker(code, { workerData: { module, buffers: main.buffers, gate } });
  await once(worker, "message");
  const open = (i: number) => {
    Atomics.store(new Int32Array(gate), 0, i);
    Atomics.notify(new Int32Array(gate), 0);
  };
  let heard: () => void = () => {};
  let unheard = 0;
  const end = main.onChange(() => heard());
  for (let i = 0; i < 2; i++) {
    const told = new Promise<void>((resolve) => heard = resolve);
    open(i + 1);
    await told;
    assert.equal(main.status()!.refresh, i);
  }
  end();
  heard = () => unheard++;
  open(3);
  while (main.version < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(unheard, 0, "nobody listens any more");
  const ended = once(worker, "message");
  open(4);
  await ended;
  await worker.terminate();
});
