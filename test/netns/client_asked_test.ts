import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import type { StatusDocument } from "#src/status/document.ts";
import type { PeerDocument, WhyDocument } from "#src/status/peers_document.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import {
  get,
  START_PATIENCE,
  startRelay,
  startServer,
  teredo,
  until,
  writeFile,
} from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

/** What a client tells of itself when it is asked, by page and command, beside our server and relay. */
const OPTIONS = { timeout: 600_000 };
const PAGES = "http://127.0.0.1:9546";
const CONF =
  `[client]\nservers = ${SERVER_ADDRESS}\nstate_file = /run/client.json\n[status]\nrecord = yes\n`;
/** At a mapping that nobody has. */
const NOBODY = "2001:0:c633:6401:0:63bf:39cc:9b9c";

let lab: Lab;
let address: string;

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted"] });
  await Promise.all([startServer(lab, "teredo"), startRelay(lab, "teredo")]);
  const file = await writeFile(lab, "client.conf", CONF);
  const client = lab.spawn("cli0", teredo("client", "-c", file));
  const line = await client.waitForLine(/state=qualified/, START_PATIENCE);
  address = /address=(2001:0:[0-9a-f:]+)/.exec(line)![1]!;
  await until("it has its route", async () => (await defaultRoute()) !== "");
  await assertPing(lab, "cli0", HOST_IPV6);
  await until("it is given up", async () => {
    await ping(lab, "cli0", NOBODY, { count: 1, more: ["-W", "1"] });
    return (await peers(NOBODY))[0]?.state === "failed";
  });
});

after(() => lab.close());

const defaultRoute = () => lab.sh("cli0", "ip -6 route show default");

const run = (...args: string[]) => lab.run("cli0", teredo(...args));

/** @param schema of `docs/status.schema.json` */
async function json<T>(schema: "peers" | "why" | "status", ...args: string[]): Promise<T> {
  const { stdout, stderr } = await run(...args, "--json");
  assert.equal(stderr, "");
  const document = JSON.parse(stdout);
  assert.deepEqual(problemsOf(document, schema), []);
  return document;
}

const peers = async (...args: string[]) =>
  (await json<{ peers: PeerDocument[] }>("peers", "peers", "client", ...args)).peers;

test("teredo status client tells its address, its server and who is reached", OPTIONS, async () => {
  const { ready, client, gauges } = await json<StatusDocument>("status", "status", "client");
  assert.equal(ready, true);
  assert.equal(client!.state, "qualified");
  assert.equal(client!.address, address);
  assert.equal(client!.server!.primary, SERVER_ADDRESS);
  assert.deepEqual([client!.nat, client!.native], ["restricted", "ok"]);
  assert.deepEqual(client!.peers.toSorted((a, b) => a.kind < b.kind ? -1 : 1), [
    { kind: "client", path: "none", count: 1 },
    { kind: "native", path: "direct", count: 1 },
  ]);
  assert.deepEqual([gauges!.peers, gauges!.trusted_peers, gauges!.failed_peers], [2, 1, 1]);
});

test(
  "teredo peers client tells kind and path, where a relay answers as well",
  OPTIONS,
  async () => {
    const [host, ...others] = await peers(HOST_IPV6);
    assert.deepEqual(others, []);
    assert.deepEqual([host!.kind, host!.path, host!.state], ["native", "direct", "trusted"]);
    assert.ok(host!.sent_packets > 0 && host!.received_packets > 0, JSON.stringify(host));
    assert.deepEqual((await peers()).map((it) => it.address).toSorted(), [NOBODY, HOST_IPV6]);
    const relays = await json<{ peers: PeerDocument[] }>("peers", "peers", "relay");
    assert.deepEqual(relays.peers.map((it) => it.address), [address]);
  },
);

const WHYS: readonly (readonly [string, RegExp])[] = [
  [HOST_IPV6, /^Packets pass both ways\.$/],
  [NOBODY, /^Packets do not pass: a packet to \S+ is answered .* left four bubbles unanswered/],
  ["198.51.100.98:5", /^Nothing here keeps packets; the first one waits for bubbles, /],
  ["2001:0:c633:6401:0:63bf:f5ff:fffe", /\(mapped_address_not_global\)/],
];

for (const [subject, conclusion] of WHYS) {
  test(`teredo why client ${subject}`, OPTIONS, async () => {
    // What was silent for 30 s is asked again.
    await assertPing(lab, "cli0", HOST_IPV6);
    const document = await json<WhyDocument>("why", "why", "client", subject);
    assert.match(document.conclusion, conclusion, JSON.stringify(document, null, 2));
  });
}

test("teredo record client is a file of both sides", OPTIONS, async () => {
  const done = await run("record", "client", "--last", "10min", "-w", "/run/client.pcapng");
  assert.equal(done.status, 0, done.stderr);
  const { stdout } = await lab.run("cli0", ["tshark", "-r", "/run/client.pcapng"]);
  assert.match(stdout, new RegExp(`${address} → ${HOST_IPV6} .*ICMPv6 .*Echo \\(ping\\) request`));
});

test("promtool finds nothing wrong with the metrics of a client", OPTIONS, async () => {
  const input = await get(lab, "cli0", `${PAGES}/metrics`);
  assert.match(input!, /^teredo_client_state\{state="qualified"\} 1$/m);
  const { status, stdout, stderr } = await lab.run("cli0", ["promtool", "check", "metrics"], {
    input: input!,
  });
  assert.deepEqual([status, stdout, stderr], [0, "", ""]);
});

test("teredo reload client --dry-run, drain and undrain", OPTIONS, async () => {
  const { status, stdout } = await run("reload", "client", "--dry-run");
  assert.deepEqual([status, stdout], [0, "client: would change nothing\n"]);
  assert.equal((await run("drain", "client")).status, 0);
  assert.equal((await run("status", "client")).status, 5);
  assert.equal((await run("undrain", "client")).status, 0);
  assert.equal((await run("status", "client")).status, 0);
});
