import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, RELAY_IPV6, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import type { PeerDocument, WhyDocument } from "#src/status/peers_document.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import {
  startMiredoClient,
  startRelay,
  startServer,
  startSuccessor,
  teredo,
  until,
  wait,
} from "./programs.ts";
import { assertPing, ping } from "./traffic.ts";

/** `teredo peers` and `teredo why`, of a relay of two workers with Miredo's client and others. */
const OPTIONS = { timeout: 600_000 };
const CONF = `[relay]
interface_name = teredo
bind_port = 3545
workers = 2
served = 2001:db8:1::/64
drain_time = 0s
`;

/** By then a worker that is alive has taken in what passed in the kernel, in milliseconds. */
const TAKEN_IN = 2_000;

/** A Teredo address that nobody has. */
function nobody(address: string, port: number, server = SERVER_ADDRESS): string {
  return formatIpv6(toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: parseIpv4(server)!,
    flags: 0,
    mappedAddress: parseIpv4(address)!,
    mappedPort: port,
  }));
}

const WAITING = nobody("198.51.100.99", 40_000);

let lab: Lab;
let relay: LabProcess;
/** Teredo address of Miredo's client behind a NAT. */
let client: string;

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted"], checksums: true });
  [relay] = await Promise.all([startRelay(lab, "teredo", CONF), startServer(lab, "teredo")]);
  client = (await startMiredoClient(lab, "cli0")).address;
  await assertPing(lab, "host6", client, { count: 3 });
});

after(() => lab.close());

const run = (...args: string[]) => lab.run("rly", teredo(...args, "-c", "/run/rly-relay.conf"));

async function peers(...args: string[]): Promise<PeerDocument[]> {
  const { status, stdout, stderr } = await run("peers", ...args, "--json");
  assert.deepEqual([status, stderr], [0, ""], stdout);
  const document = JSON.parse(stdout);
  assert.deepEqual(problemsOf(document, "peers"), []);
  return document.peers;
}

/** What passed in the kernel is taken in once a second: until two readings have the same counts. */
async function settledPeers(): Promise<PeerDocument[]> {
  const countsOf = (all: PeerDocument[]) =>
    all.map(({ sent_packets, received_packets }) => [sent_packets, received_packets]);
  for (let last = await peers();;) {
    await wait(TAKEN_IN);
    const now = await peers();
    if (isDeepStrictEqual(countsOf(now), countsOf(last))) return now;
    last = now;
  }
}

async function why(address: string): Promise<WhyDocument> {
  const { status, stdout, stderr } = await run("why", address, "--json");
  assert.equal(stderr, "");
  const document = JSON.parse(stdout) as WhyDocument;
  assert.deepEqual(problemsOf(document, "why"), []);
  assert.equal(status, document.ok ? 0 : 1, stdout);
  return document;
}

const stepOf = ({ steps }: WhyDocument, name: string) => steps.find((it) => it.name === name);

test(
  "teredo peers shows a peer that is trusted, with what was carried for it",
  OPTIONS,
  async () => {
    const [peer, ...others] = await settledPeers();
    assert.deepEqual(others, []);
    assert.equal(peer!.address, client);
    assert.equal(peer!.server_address, SERVER_ADDRESS);
    assert.equal(peer!.mapped_address, lab.sites[0]!.publicAddress);
    assert.deepEqual([peer!.state, peer!.trusted, peer!.valid, peer!.proven], [
      "trusted",
      true,
      true,
      true,
    ]);
    // Miredo's client asks for the way by an echo request of its own.
    assert.ok(peer!.sent_packets >= 3 && peer!.received_packets >= 3, JSON.stringify(peer));
    const before = peer!;
    for (let i = 0; i < 4; i++) await assertPing(lab, "host6", client, { count: 1 });
    let now: PeerDocument | undefined;
    await until("all four are counted", async () => {
      [now] = await peers(client);
      const { sent_packets: sent, received_packets: received } = now!;
      return sent - before.sent_packets >= 4 && received - before.received_packets >= 4;
    });
    assert.equal(now!.sent_packets - before.sent_packets, 4);
    assert.equal(now!.sent_bytes - before.sent_bytes, 4 * 104);
    assert.ok(now!.received_packets - before.received_packets >= 4);
    // Of an age, told in whole seconds: where it lies between two it may be either.
    const since = (peer: PeerDocument) => Date.parse(peer.trusted_since!) / 1_000;
    assert.ok(Math.abs(since(now!) - since(before)) <= 1, now!.trusted_since);
  },
);

test("teredo peers is a table for people, and one for programs", OPTIONS, async () => {
  const table = await run("peers");
  assert.equal(table.status, 0, table.stderr);
  const [head, line] = table.stdout.split("\n");
  assert.match(
    head!,
    /^TEREDO ADDRESS +STATE +MAPPING +SERVER +TRUSTED +HEARD +SENT +RX +TX +HELD$/,
  );
  assert.ok(line!.startsWith(`${client}  trusted  ${lab.sites[0]!.publicAddress}:`), line);
  const { stdout } = await run("peers", "--tsv", "--sort", "tx", lab.sites[0]!.publicAddress);
  const [names, values, end] = stdout.split("\n").map((it) => it.split("\t"));
  assert.deepEqual(end, [""]);
  assert.equal(values![names!.indexOf("address")], client);
  assert.equal(values!.length, names!.length);
  assert.deepEqual(await peers("203.0.113.0/24"), []);
});

test("teredo why says that nothing is wrong for a client that is there", OPTIONS, async () => {
  for (const address of [client, lab.sites[0]!.publicAddress]) {
    const found = await why(address);
    assert.equal(found.conclusion, "Packets pass both ways.", JSON.stringify(found, null, 2));
    assert.equal(found.peer?.address, client);
    assert.equal(stepOf(found, "route")?.verdict, "ok");
  }
  const host = await why(HOST_IPV6);
  assert.equal(host.conclusion, `Packets pass between clients and ${HOST_IPV6}.`);
});

test("teredo why and peers follow a client that never answers, to its end", OPTIONS, async () => {
  assert.match((await why(WAITING)).conclusion, /^Nothing here keeps packets from the client; /);
  // It waits for 8 s, in which a busy machine may not come to ask: then another one is tried.
  let found: WhyDocument;
  let port = 40_000;
  let address = WAITING;
  for (;; address = nobody("198.51.100.99", ++port)) {
    await ping(lab, "host6", address, { count: 1, more: ["-W", "0.2"] });
    found = await why(address);
    if (found.peer?.state === "resolving" || port === 40_020) break;
  }
  const { peer } = found;
  assert.deepEqual([peer!.state, peer!.trusted, peer!.sent_packets], ["resolving", false, 0]);
  assert.equal(peer!.held_packets, 1);
  assert.match(found.conclusion, /^Packets wait for the client's answer /);
  await until("it is given up", async () => (await peers(address))[0]?.state === "failed");
  const failed = await why(`198.51.100.99:${port}`);
  assert.match(failed.conclusion, /^Packets do not pass: .* left four bubbles unanswered/);
  assert.equal(failed.mend, `teredo probe ${SERVER_ADDRESS}`);
  assert.equal((await peers("2001::/32")).length, 2 + port - 40_000);
});

test(
  "teredo why names the rule for who is not served, and for addresses of no peer",
  OPTIONS,
  async () => {
    const unserved = await why("2001:db8:9::1");
    assert.match(unserved.conclusion, /^Packets do not pass: .*\(source_not_served\)/);
    const inner = await why(nobody("10.0.0.1", 5_000));
    assert.match(inner.conclusion, /\(mapped_address_not_global\)/);
    const server = await why(nobody("198.51.100.99", 5_000, "127.0.0.1"));
    assert.match(server.conclusion, /\(server_address_not_global\)/);
  },
);

test("teredo why names the packet filter's rule that stops this one client", OPTIONS, async () => {
  const { publicAddress } = lab.sites[0]!;
  await lab.sh(
    "rly",
    [
      "nft add table inet f",
      "nft add chain inet f out '{ type filter hook output priority 0; }'",
      `nft add rule inet f out ip daddr ${publicAddress} udp sport 3545 drop`,
    ].join("\n"),
  );
  try {
    const found = await why(client);
    assert.match(found.conclusion, /^Packets do not pass: UDP datagrams from .* are dropped by /);
    assert.match(found.conclusion, /inet f/);
    assert.ok(found.mend!.includes("nft"), found.mend);
    assert.equal(stepOf(await why(nobody("198.51.100.98", 1)), "firewall")?.verdict, "ok");
  } finally {
    await lab.sh("rly", "nft delete table inet f");
  }
});

test("teredo why asks the kernel for the route of this one client", OPTIONS, async () => {
  await lab.sh("rly", `ip -6 route add unreachable ${client}/128 metric 1`);
  try {
    const found = await why(client);
    assert.equal(stepOf(found, "route")?.verdict, "fail");
    assert.match(found.conclusion, /^Packets do not pass: packets to .* are refused: /);
  } finally {
    await lab.sh("rly", `ip -6 route del unreachable ${client}/128 metric 1`);
  }
});

test(
  "teredo why and peers exit with 2 for nonsense, and 1 where nobody answers",
  OPTIONS,
  async () => {
    for (const args of [["why", "nonsense"], ["peers", "nonsense"], ["peers", "--limit", "0"]]) {
      const { status, stderr } = await run(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^teredo: /);
    }
    for (const command of [["why", client], ["peers"]]) {
      const { status, stderr } = await lab.run(
        "srv",
        teredo(...command, "--url", "127.0.0.1:9544"),
      );
      assert.equal(status, 1);
      assert.match(stderr, /A server has no peers: ask a relay/);
    }
  },
);

const OWN_CONF = `[relay]
interface_name = teredo
bind_port = 3545
served = self
drain_time = 0s
`;
const RIGHTS: readonly (readonly [as: string, conf: string])[] = [
  ["as root", ""],
  ["as a user of its own", "user = nobody\n"],
  ["as that in a chroot", "user = nobody\nchroot = /run/jail\n"],
];

for (const [as, conf] of RIGHTS) {
  test(
    `teredo why of a relay ${as} that serves its own host knows that host alone`,
    OPTIONS,
    async () => {
      await lab.sh("rly", "mkdir -p /run/jail");
      const { status, stderr } = await relay.stop();
      assert.equal(status, 0, stderr);
      relay = await startSuccessor(lab, "teredo", OWN_CONF + conf);
      await assertPing(lab, "rly", client, { count: 3 });
      const found = await why(client);
      assert.equal(found.conclusion, "Packets pass both ways.", JSON.stringify(found, null, 2));
      assert.match(stepOf(found, "to_client")!.detail, new RegExp(`from ${RELAY_IPV6} to `));
      const own = await why(RELAY_IPV6);
      assert.equal(own.conclusion, `Packets pass between clients and ${RELAY_IPV6}.`);
      const other = await why(HOST_IPV6);
      assert.match(other.conclusion, /^Packets do not pass: .*\(source_not_served\)/);
    },
  );
}
