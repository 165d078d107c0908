import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import {
  START_PATIENCE,
  startMiredoClient,
  startRelay,
  startServer,
  teredo,
  until,
} from "./programs.ts";
import { assertPing } from "./traffic.ts";

/** `[log] debug_peer` of both daemons, as their processes run, with Miredo's clients. */
const OPTIONS = { timeout: 600_000 };
const debug = (peer: string) => `[log]\nlevel = debug\nformat = json\ndebug_peer = ${peer}\n`;

let lab: Lab;
const publicAddress = () => lab.sites[0]!.publicAddress;
let server: LabProcess;
/** Teredo addresses of the client that is looked at, behind a NAT, and of one that is not. */
let client: string;
let other: string;

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted", "none"], checksums: true });
  const conf = `[server]\nbind_address = ${SERVER_ADDRESS}\nworkers = 2\n`;
  server = await startServer(lab, "teredo", conf + debug(publicAddress()));
  client = (await startMiredoClient(lab, "cli0")).address;
  other = (await startMiredoClient(lab, "cli1")).address;
});

after(() => lab.close());

interface Told {
  readonly time: string;
  readonly way?: string;
  readonly peer?: string;
  readonly packet?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly bytes?: number;
  readonly did?: string;
  readonly to?: readonly string[];
  readonly reason?: string;
  readonly suppressed?: number;
}

/** What a daemon's log tells of packets. Each line of it is JSON. */
function toldBy(daemon: LabProcess): Told[] {
  return toldIn(daemon.output());
}

function toldIn(output: string): Told[] {
  return output.split("\n").filter((line) => line.includes('"msg":"Packet"'))
    .map((line) => JSON.parse(line) as Told);
}

/** Its lines in short. */
const inShort = ({ way, packet, did }: Told) => `${way} ${packet}: ${did}`;

test(
  "Server: a client's qualification can be read, and nothing of another's",
  OPTIONS,
  async () => {
    await until("the log tells of it", () => Promise.resolve(toldBy(server).length > 0));
    const told = toldBy(server);
    const [first] = told;
    assert.equal(
      inShort(first!),
      "from_udp icmpv6: took a router solicitation, sent a router advertisement",
    );
    assert.equal(first!.destination, "ff02::2");
    assert.deepEqual(first!.to, [first!.peer]);
    for (const { peer, to = [] } of told) {
      const ends = [peer, ...to].map((end) => end?.split(":")[0]);
      assert.ok(ends.includes(publicAddress()), JSON.stringify({ peer, to }));
    }
  },
);

for (const workers of [1, 2]) {
  const conf = () => `[relay]\nworkers = ${workers}\ndrain_time = 0s\n${debug(client)}`;

  test(`Relay with ${workers} workers: a ping's way can be read`, OPTIONS, async () => {
    const relay = await startRelay(lab, "teredo", conf());
    try {
      await assertPing(lab, "host6", other, { count: 2 });
      // One after the other: what is sent while the first is held would be held as well.
      for (let i = 0; i < 2; i++) await assertPing(lab, "host6", client, { count: 1 });
      // Those of ping(8), which are longer than what Miredo asks with whether there is a way.
      const isPing = ({ bytes }: Told) => bytes === 104;
      const ways = () => toldBy(relay).filter(isPing).map(inShort);
      await until("the second answer is told of", () =>
        Promise.resolve(
          ways().filter((way) => way === "from_udp icmpv6: passed to the IPv6 side").length >= 2,
        ));
      assert.deepEqual(
        ways(),
        [
          "from_ipv6 icmpv6: made an entry, held, sent a bubble by way of its server",
          "from_udp icmpv6: passed to the IPv6 side",
          "from_ipv6 icmpv6: sent",
          "from_udp icmpv6: passed to the IPv6 side",
        ],
        relay.output(),
      );
      const bubble = toldBy(relay).find(({ packet }) => packet === "bubble")!;
      assert.equal(
        bubble.did,
        "took a bubble, which answers ours, became trusted, released what was held",
      );
      for (const { source, destination } of toldBy(relay)) {
        assert.ok([source, destination].includes(client), `${source} ${destination}`);
      }
    } finally {
      await relay.stop();
    }
  });
}

/** Of packets since a command last said whose to tell of. */
function toldSince(daemon: LabProcess): Told[] {
  const output = daemon.output();
  return toldIn(output.slice(output.lastIndexOf('"msg":"Logging ')));
}

test("Relay with 2 workers: whose packets are told changes while it runs", OPTIONS, async () => {
  const conf = "[relay]\nworkers = 2\ndrain_time = 0s\n[log]\nformat = json\n";
  const relay = await startRelay(lab, "teredo", conf);
  const command = async (...args: string[]) => {
    const { status, stderr } = await lab.run("rly", teredo("log", ...args));
    assert.equal(status, 0, stderr);
  };
  const pingBoth = async () => {
    for (const address of [client, client, other, other]) {
      await assertPing(lab, "host6", address, { count: 1 });
    }
  };
  const answers = (address: string) =>
    toldSince(relay).filter(({ source, bytes, did }) =>
      source === address && bytes === 104 && did === "passed to the IPv6 side"
    ).length;
  const steps: readonly (readonly [peer: string, clients: readonly string[]])[] = [
    [client, [client]],
    [other, [other]],
    [HOST_IPV6, [client, other]],
  ];
  try {
    await pingBoth();
    assert.equal(toldBy(relay).length, 0);
    for (const [peer, clients] of steps) {
      await command("debug", "relay", "--peer", peer);
      await pingBoth();
      const areTold = () => Promise.resolve(clients.every((it) => answers(it) === 2));
      await until(`packets of ${peer} are told of`, areTold);
      const ends = toldSince(relay).flatMap((it) => [it.source, it.destination]);
      assert.deepEqual([client, other].filter((it) => ends.includes(it)), clients, peer);
    }
    await command("off");
    await pingBoth();
    await relay.stop();
    assert.match(relay.output(), /"msg":"Logging as configured again"/);
    assert.deepEqual(toldSince(relay), []);
  } finally {
    await relay.stop();
  }
});

test("GET /trace shows one peer's packets, while the log tells of another's", OPTIONS, async () => {
  const log = `[log]\nlevel = debug\nformat = json\ndebug_peer = ${other}\n`;
  const conf = `[relay]\nworkers = 2\ndrain_time = 0s\n[status]\ntrace = yes\n${log}`;
  const relay = await startRelay(lab, "teredo", conf);
  const url = `http://127.0.0.1:9545/trace?peer=${client}`;
  const trace = lab.spawn("rly", ["curl", "-sN", url]);
  const traced = () =>
    [...trace.output().matchAll(/^event: packet\ndata: (.*)\n$/gm)]
      .map(([, data]) => JSON.parse(data!) as Told);
  try {
    await until("it begins", () => Promise.resolve(trace.output().startsWith("event: begin\n")));
    // One after the other: what is sent while the first is held would be held as well.
    for (const address of [other, client, client]) {
      await assertPing(lab, "host6", address, { count: 1 });
    }
    const pings = () => traced().filter(({ bytes }) => bytes === 104);
    await until("the second answer", () => Promise.resolve(pings().length >= 4));
    assert.deepEqual(pings().map(inShort), [
      "from_ipv6 icmpv6: made an entry, held, sent a bubble by way of its server",
      "from_udp icmpv6: passed to the IPv6 side",
      "from_ipv6 icmpv6: sent",
      "from_udp icmpv6: passed to the IPv6 side",
    ]);
    for (const { source, destination } of traced()) {
      assert.ok([source, destination].includes(client), `${source} ${destination}`);
    }
    const times = traced().map(({ time }) => time);
    assert.deepEqual(times, times.toSorted());
    const { stdout } = await lab.run("rly", ["curl", "-s", url]);
    assert.match(stdout, /Somebody else traces a peer/);
    await trace.stop();
    await until("one that has gone makes room", async () => {
      const next = lab.spawn("rly", ["curl", "-sN", url]);
      const begun = next.waitForLine(/^event: begin$/, START_PATIENCE);
      return await begun.then(() => true, () => false).finally(() => next.stop());
    });
    await relay.stop();
    const told = toldBy(relay);
    assert.ok(told.some(({ bytes }) => bytes === 104));
    for (const { source, destination } of told) {
      assert.ok([source, destination].includes(other), `${source} ${destination}`);
    }
  } finally {
    await trace.stop();
    await relay.stop();
  }
});

test("Server with 2 workers: whose packets are told changes while it runs", OPTIONS, async () => {
  const site = lab.sites[1]!.publicAddress;
  const argv = teredo("log", "debug", "server", "--peer", site);
  const { status, stderr } = await lab.run("srv", argv);
  assert.equal(status, 0, stderr);
  // It knows nobody, and asks both by way of the server.
  const relay = await startRelay(lab, "teredo", "[relay]\ndrain_time = 0s\n");
  try {
    for (const address of [client, other]) await assertPing(lab, "host6", address, { count: 1 });
    const bubbles = () => toldSince(server).filter(({ did }) => did === "passed the bubble on");
    await until("the bubble is told of", () => Promise.resolve(bubbles().length > 0));
    for (const { destination, to } of bubbles()) {
      assert.equal(destination, other);
      assert.ok(to?.every((end) => end.startsWith(`${site}:`)), String(to));
    }
  } finally {
    await relay.stop();
  }
});

test(
  "Relay: a flood of one peer's packets is told in a bounded number of lines",
  OPTIONS,
  async () => {
    const FLOOD = 2_000;
    const conf = `[relay]\ndrain_time = 0s\n${debug(HOST_IPV6)}`;
    const relay = await startRelay(lab, "teredo", conf);
    try {
      await assertPing(lab, "host6", client, { count: 1 });
      const argv = ["ping", "-6", "-n", "-q", "-f", "-c", `${FLOOD}`, client];
      const { stdout } = await lab.run("host6", argv);
      const answered = Number(/(\d+) received/.exec(stdout)?.[1]);
      assert.ok(answered > FLOOD / 2, stdout);
      await relay.stop();
      const told = toldBy(relay);
      const lines = told.filter(({ suppressed }) => suppressed === undefined);
      const suppressed = told.reduce((sum, it) => sum + (it.suppressed ?? 0), 0);
      // Each request, and each answer.
      assert.ok(lines.length + suppressed >= FLOOD + answered, `${lines.length} + ${suppressed}`);
      const seconds = (Date.parse(told.at(-1)!.time) - Date.parse(told[0]!.time)) / 1000;
      assert.ok(lines.length <= 100 * (Math.ceil(seconds) + 1), `${lines.length} in ${seconds} s`);
    } finally {
      await relay.stop();
    }
  },
);
