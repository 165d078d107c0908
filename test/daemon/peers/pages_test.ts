import assert from "node:assert/strict";
import test from "node:test";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { MAX_ROWS } from "#src/datapath/peers/questions.ts";
import type { Config, Role } from "#src/config/config.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import { peerDocument } from "#src/daemon/peers/document.ts";
import { PeerPages } from "#src/daemon/peers/pages.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { createStatus } from "#src/status/app.ts";
import type { PeersDocument } from "#src/status/peers_document.ts";
import { textOf, worker } from "#test/datapath/peers/worker.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import { WAYS } from "#src/protocol/client/peers/ways.ts";
import { problemsOf } from "#test/status/schema_validator.ts";

/** The pages of a relay with so many peers at each of its workers. Only `/peers` is asked. */
function pagesOf(role: Role, ...counts: readonly number[]) {
  const workers = counts.map((count, i) => worker(count, 10_000 * i));
  const peers = new PeerPages(role);
  const datapath = { peers: workers.map(({ asker }) => asker) } as unknown as Datapath;
  const nobody = {} as unknown;
  if (counts.length > 0) {
    const state = {
      config: { relay: { prefix: SERVICE_PREFIX } } as Config,
      read: () => sampleSnapshot(),
    };
    peers.serve(nobody as Host, state, nobody as OpenRole, datapath);
  }
  const app = createStatus(() => sampleSnapshot(), undefined, peers.pages);
  const ask = async (path: string) => {
    const response = await app.request(path);
    return { status: response.status, body: await response.json() };
  };
  return { ask, workers };
}

const addresses = ({ peers }: PeersDocument) => peers.map(({ address }) => address);

for (const limit of [1, 7, 100, MAX_ROWS]) {
  test(`GET /peers tells the peers of all workers once, ${limit} a page`, async () => {
    const { ask } = pagesOf("relay", 450, 0, 30);
    const told: string[] = [];
    let cursor: string | undefined;
    do {
      const more = cursor === undefined ? "" : `&cursor=${cursor}`;
      const { status, body } = await ask(`/peers?limit=${limit}${more}`);
      assert.equal(status, 200);
      assert.deepEqual(problemsOf(body, "peers"), []);
      assert.ok(body.peers.length <= limit);
      told.push(...addresses(body));
      cursor = body.cursor;
    } while (cursor !== undefined);
    const of = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => textOf(first + i));
    assert.deepEqual(told, [...of(0, 450), ...of(20_000, 30)]);
  });
}

test("GET /peers gives a hundred, and finds by q", async () => {
  const { ask } = pagesOf("relay", 300, 300);
  assert.equal((await ask("/peers")).body.peers.length, 100);
  const { body } = await ask(`/peers?q=${encodeURIComponent(textOf(10_200))}`);
  assert.deepEqual(addresses(body), [textOf(10_200)]);
  assert.equal(body.cursor, undefined);
  assert.deepEqual(addresses((await ask("/peers?q=11.0.0.4%2F31")).body), [textOf(4), textOf(5)]);
  assert.deepEqual((await ask("/peers?q=2001:db8::/32")).body.peers, []);
});

const wrong: readonly [string, RegExp][] = [
  ...["0", "401", "-1", "1e3", "", "x", "1.5", "99999999999999999999", "%00", "0x10", " 1"].map(
    (limit): [string, RegExp] => [`limit=${limit}`, /^limit: not a whole number from 1 to 400$/],
  ),
  ...["", "x", "0", "--", "00000000-0-1", "a-b-c", "00000000-999-1", "%2e%2e", "a".repeat(5_000)]
    .map((cursor): [string, RegExp] => [`cursor=${cursor}`, /^cursor: not one that this daemon/]),
  ...["", "nonsense", "2001::1/32", "1.2.3.4/24", "1.2.3.4:0", "%27%3B--", "*", "::1%25eth0"].map(
    (q): [string, RegExp] => [`q=${q}`, /^q: neither an address/],
  ),
  ["page=2", /^Parameters are limit, cursor, q$/],
  ["limit=1&limit=2", /^limit: given twice$/],
];

for (const [query, error] of wrong) {
  test(`GET /peers?${query.slice(0, 40)} is answered with 400`, async () => {
    const { status, body } = await pagesOf("relay", 3).ask(`/peers?${query}`);
    assert.equal(status, 400);
    assert.match(body.error, error);
    assert.deepEqual(problemsOf(body, "error"), []);
  });
}

test("GET /peers takes no cursor of another daemon, nor of this one before it was restarted", async () => {
  const before = (await pagesOf("relay", 10).ask("/peers?limit=2")).body.cursor;
  const { status } = await pagesOf("relay", 10).ask(`/peers?limit=2&cursor=${before}`);
  assert.equal(status, 400);
});

test("GET /peers ends behind a cursor that points beyond all peers", async () => {
  const { ask } = pagesOf("relay", 10);
  const { cursor } = (await ask("/peers?limit=2")).body;
  const beyond = cursor.replace(/-\d+$/, "-9999999");
  assert.deepEqual((await ask(`/peers?cursor=${beyond}`)).body.peers, []);
});

for (const path of ["/peers", "/why?address=192.0.2.1"]) {
  test(`GET ${path} of a server is answered with 404, of a daemon that starts with 503`, async () => {
    const server = await pagesOf("server").ask(path);
    assert.deepEqual([server.status, server.body.error], [
      404,
      "A server has no peers: ask a relay or a client",
    ]);
    assert.equal((await pagesOf("relay").ask(path)).status, 503);
  });
}

for (const address of ["", "nonsense", "192.0.2.0/24", "2001::/32", "1.2.3.4:65536"]) {
  test(`GET /why?address=${address} is answered with 400`, async () => {
    const { status, body } = await pagesOf("relay", 1).ask(`/why?address=${address}`);
    assert.equal(status, 400);
    assert.match(body.error, /^address: a Teredo address/);
  });
}

test("GET /peers of the longest rows fits the answer of a status page", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const row = {
    address: Uint8Array.from(
      "2001fefefefefefefefefefefefefefe".match(/../g)!,
      (it) => parseInt(it, 16),
    ),
    mappedAddress: 0xfefefefe,
    mappedPort: 65_535,
    trusted: true,
    valid: false,
    resolving: true,
    proven: false,
    leased: false,
    bubblesSent: 255,
    trustedFor: 1,
    receivedAgo: 1,
    transmittedAgo: 1,
    bubbleAgo: 1,
    receivedPackets: most,
    receivedBytes: most,
    sentPackets: most,
    sentBytes: most,
    heldPackets: most,
    heldBytes: most,
    way: WAYS.findIndex(({ path }) => path === "random_port"),
    roundTrip: 100_000.5,
  };
  const length = JSON.stringify(peerDocument(row, Date.now())).length + 1;
  assert.ok(MAX_ROWS * length < 327_680 - 200, `${MAX_ROWS} rows of ${length} bytes`);
});
