import assert from "node:assert/strict";
import test from "node:test";
import { Observer } from "#src/daemon/fates/observer.ts";
import { TracePage } from "#src/daemon/fates/trace.ts";
import { RING_CAPACITY } from "#src/datapath/fates/ring.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { createStatus } from "#src/status/app.ts";
import type { TracedPacket } from "#src/status/trace_document.ts";
import { WatchedRelay } from "#test/datapath/fates/watched_relay.ts";
import { teredo } from "#test/protocol/packets.ts";
import { data, HOST } from "#test/protocol/relay/lab.ts";
import { CLIENT, CLIENT_PORT } from "#test/protocol/vectors.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

const A = teredo(CLIENT, CLIENT_PORT);
const B = teredo(CLIENT + 1, CLIENT_PORT);

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A relay whose pages are asked in this process. */
class TraceLab {
  readonly watched = new WatchedRelay();
  readonly observer = new Observer(this.watched.fates, SERVICE_PREFIX);
  readonly trace: TracePage;
  mayTrace = true;
  readonly #app;

  constructor(packets = 500, time = 60_000) {
    this.trace = new TracePage(() => this.mayTrace, { packets, time });
    this.#app = createStatus(() => sampleSnapshot(), undefined, {}, this.trace.streams);
    this.trace.serve(this.observer);
  }

  async ask(query: string, method = "GET"): Promise<Response> {
    const response = await this.#app.request(`/trace${query}`, { method });
    this.watched.turn();
    return response;
  }

  async refusal(query: string): Promise<readonly [number, string]> {
    const response = await this.ask(query);
    const { error } = await response.json() as { error: string };
    return [response.status, error];
  }

  /** Whether a packet goes past nobody but the rules. */
  get isUnwatched(): boolean {
    this.watched.turn();
    return this.watched.lab.passage === this.watched.lab.relay;
  }

  async untilUnwatched(): Promise<void> {
    while (!this.isUnwatched) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function allOf(response: Response): Promise<Told[]> {
  const events = (await response.text()).split("\n\n").filter((text) => text !== "");
  return events.map((text) => {
    const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text)!;
    return { event: event!, data: JSON.parse(data!) };
  });
}

const of = (peer: Uint8Array) => `?peer=${formatIpv6(peer)}`;

test("TracePage tells one peer's packets in the words of the log, up to so many", async () => {
  const lab = new TraceLab(3);
  const { lab: relay } = lab.watched;
  const response = await lab.ask(of(A));
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const before = Date.now();
  relay.fromIpv6(data(HOST, A));
  relay.fromIpv6(data(HOST, B));
  relay.fromClient(data(A, HOST), { port: 7 });
  relay.advance(2_000);
  relay.fromIpv6(data(HOST, A));
  const [begin, ...told] = await allOf(response);
  assert.deepEqual(begin, {
    event: "begin",
    data: { version: 1, peer: formatIpv6(A), packets: 3, seconds: 60 },
  });
  assert.deepEqual(told.map(({ event }) => event), ["packet", "packet", "packet", "end"]);
  const packets = told.slice(0, 3).map(({ data }) => data as unknown as TracedPacket);
  for (const { time } of packets) {
    assert.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now(), time);
  }
  const [{ time: _, ...first }, second, third] = packets as [
    TracedPacket,
    TracedPacket,
    TracedPacket,
  ];
  assert.deepEqual(first, {
    way: "from_ipv6",
    packet: "udp",
    source: HOST,
    destination: formatIpv6(A),
    bytes: 88,
    did: "made an entry, held, sent a bubble by way of its server",
    to: ["65.54.227.120:3544"],
  });
  assert.deepEqual([second.way, second.peer, second.reason], [
    "from_udp",
    "192.0.2.45:7",
    "source_mismatch",
  ]);
  assert.match(second.detail!, /^dropped: its IPv6 source does not hold/);
  assert.deepEqual([third.way, third.did], ["timer", "sent a bubble again"]);
  assert.deepEqual(told[3]!.data, { reason: "3 packets were told" });
  await lab.untilUnwatched();
});

test("TracePage ends after its time, for a reload, and with the daemon; then nothing is looked at", async () => {
  const reasons = async (lab: TraceLab, end: () => void) => {
    const response = await lab.ask("?peer=192.0.2.45");
    end();
    assert.deepEqual((await allOf(response)).slice(1), [{ event: "end", data: { reason } }]);
    await lab.untilUnwatched();
  };
  let reason = "0.05 s are over";
  await reasons(new TraceLab(500, 50), () => {});
  reason = "packets are no longer traced: `trace = no` in [status]";
  const reloaded = new TraceLab();
  await reasons(reloaded, () => void (reloaded.mayTrace = false));
  reason = "the daemon ends";
  const ending = new TraceLab();
  await reasons(ending, () => ending.trace.close());
  assert.deepEqual(await ending.refusal("?peer=192.0.2.45"), [503, "The daemon is not serving"]);
});

test("TracePage is for one at a time, and is free once that one has gone", async () => {
  const lab = new TraceLab();
  const first = await lab.ask(of(A));
  const [status, error] = await lab.refusal(of(B));
  assert.deepEqual([status, /^Somebody else traces a peer/.test(error)], [503, true]);
  await first.body!.cancel();
  const second = await lab.ask(of(B));
  assert.equal(second.status, 200, "at once");
  await second.body!.cancel();
  await lab.untilUnwatched();
});

test("TracePage: who does not read costs no more than the bound, and is told what is left out", async () => {
  const lab = new TraceLab();
  const { lab: relay } = lab.watched;
  const response = await lab.ask(of(A));
  for (let i = 0; i < RING_CAPACITY + 88; i++) relay.fromIpv6(data(HOST, A));
  await lab.untilUnwatched();
  const text = (await response.clone().text()).length;
  assert.ok(text < 262_144, `${text} bytes waited`);
  const told = await allOf(response);
  assert.equal(told.filter(({ event }) => event === "packet").length, 500);
  assert.deepEqual(told.slice(-2), [
    { event: "left_out", data: { count: 88 } },
    { event: "end", data: { reason: "500 packets were told" } },
  ]);
});

const hostile = [
  "",
  "?peer=",
  "?peer=192.0.2.0/24",
  "?peer=2001::/32",
  "?peer=192.0.2.1:0",
  "?peer=192.0.2.1:65536",
  "?peer=fe80::1%25eth0",
  `?peer=${"1".repeat(5_000)}`,
];

for (const query of hostile) {
  test(`TracePage understands one peer only: ${query.slice(0, 30)}`, async () => {
    const lab = new TraceLab();
    const [status, error] = await lab.refusal(query);
    assert.equal(status, 400);
    assert.match(error, /^peer: /);
    assert.ok(lab.isUnwatched);
  });
}

test("TracePage refuses where it may not, and what it does not know; HEAD looks at nothing", async () => {
  const lab = new TraceLab();
  assert.deepEqual(await lab.refusal(`${of(A)}&limit=9`), [400, "Parameters are peer"]);
  assert.deepEqual(await lab.refusal(`${of(A)}&peer=192.0.2.1`), [400, "peer: given twice"]);
  const head = await lab.ask(of(A), "HEAD");
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.ok(lab.isUnwatched);
  lab.mayTrace = false;
  assert.deepEqual(await lab.refusal(of(A)), [
    404,
    "Packets are not traced: `trace = no` in [status]",
  ]);
});
