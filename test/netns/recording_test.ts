import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { Lab } from "#src/demo/lab.ts";
import type { LabProcess } from "#src/demo/lab_process.ts";
import { HOST_IPV6, RELAY_ADDRESS, SERVER_ADDRESS } from "#src/demo/topology.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, toBytes } from "#src/protocol/wire/teredo_address.ts";
import type {
  RecordingDocument,
  RecordingKind,
  RecordingRowsDocument,
} from "#src/status/recordings_document.ts";
import { assertWellFormed, tshark } from "#test/daemon/recordings/tshark.ts";
import { problemsOf } from "#test/status/schema_validator.ts";
import { startMiredoClient, startRelay, startServer, teredo, until } from "./programs.ts";
import { assertPing, assertTcp, ping, startTcpServer } from "./traffic.ts";

/** What daemons record of Miredo's client, of pings, TCP and what goes wrong. */
const OPTIONS = { timeout: 600_000 };
/** In each payload, again and again; no header here holds it. */
const MARK = "7e57c0de";
const PORTS = { relay: 9545, server: 9544 } as const;
type Role = keyof typeof PORTS;
const NAMESPACES = { relay: "rly", server: "srv" } as const;

/** A client that nobody is. */
const NOBODY = formatIpv6(toBytes({
  prefix: SERVICE_PREFIX,
  serverAddress: parseIpv4(SERVER_ADDRESS)!,
  flags: 0,
  mappedAddress: parseIpv4("198.51.100.99")!,
  mappedPort: 40_000,
}));

let lab: Lab;
let client: string;
let began: number;
const RECORD = "[status]\nrecord = yes\n";

before(async () => {
  lab = await Lab.create({ nats: ["port-restricted"], checksums: true });
  began = Date.now();
  const relay =
    `[relay]\ninterface_name = teredo\nbind_port = 3545\nworkers = 2\ndrain_time = 0s\n${RECORD}`;
  const server = `[server]\nbind_address = ${SERVER_ADDRESS}\n${RECORD}`;
  await Promise.all([startServer(lab, "teredo", server), startRelay(lab, "teredo", relay)]);
  client = (await startMiredoClient(lab, "cli0")).address;
});

after(() => lab.close());

/** The bytes of a file in the lab, which has a /run of its own. */
async function read(namespace: string, path: string): Promise<Uint8Array> {
  const { stdout } = await lab.run(namespace, ["base64", "-w0", path]);
  return Buffer.from(stdout, "base64");
}

async function record(role: Role, ...args: string[]): Promise<Uint8Array> {
  const path = `/run/${role}.pcapng`;
  const argv = teredo(
    "record",
    role,
    "-c",
    `/run/${NAMESPACES[role]}-${role}.conf`,
    "-w",
    path,
    ...args,
  );
  const { status, stdout, stderr } = await lab.run(NAMESPACES[role], argv);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^\/run\/\w+\.pcapng: \d+ packets, on both sides, of [\d.]+ s\n$/);
  return await read(NAMESPACES[role], path);
}

async function get<T>(role: Role, path: string, form: string): Promise<T> {
  const { stdout } = await lab.run(NAMESPACES[role], [
    "curl",
    "-s",
    `127.0.0.1:${PORTS[role]}${path}`,
  ]);
  const document = JSON.parse(stdout);
  assert.deepEqual(problemsOf(document, form), [], stdout);
  return document;
}

async function kept(
  role: Role,
  kind: RecordingKind,
  isIt: (it: RecordingDocument) => boolean = () => true,
) {
  let found: RecordingDocument | undefined;
  await until(`the ${role} keeps a recording: ${kind}`, async () => {
    const { recordings } = await get<{ recordings: RecordingDocument[] }>(
      role,
      "/recordings",
      "recordings",
    );
    found = recordings.find((it) => it.kind === kind && isIt(it));
    return found !== undefined;
  });
  const { id } = found!;
  const rows = await get<RecordingRowsDocument>(
    role,
    `/recordings/${id}?limit=500`,
    "recording_rows",
  );
  const file = `/run/${id}.pcapng`;
  await lab.run(NAMESPACES[role], [
    "curl",
    "-s",
    "-o",
    file,
    `127.0.0.1:${PORTS[role]}/recordings/${id}.pcapng`,
  ]);
  const capture = await read(NAMESPACES[role], file);
  assertWellFormed(capture);
  assertNoPayload(capture);
  assert.ok(!JSON.stringify(rows).includes(MARK));
  return { found: found!, rows: rows.rows, capture };
}

function assertNoPayload(capture: Uint8Array): void {
  const mark = Buffer.from(MARK, "hex");
  // Wherever in it one begins.
  for (let i = 0; i < mark.length; i++) {
    const turned = Buffer.concat([mark.subarray(i), mark.subarray(0, i)]);
    assert.equal(Buffer.from(capture).indexOf(turned), -1, "payload in the capture");
  }
  const data = tshark(capture, ["frame.number", "data.data", "tcp.payload", "udp.payload"]);
  // Of the outer UDP the payload is headers; else there is none.
  for (const [frame, ...payloads] of data) {
    const [, tcp] = payloads;
    assert.deepEqual([payloads[0], tcp], ["", ""], `packet ${frame}`);
  }
}

test(
  "Relay: record writes both sides of pings and of TCP, at their times, without payload",
  OPTIONS,
  async () => {
    const server = await startTcpServer(lab);
    await assertPing(lab, "host6", client, { count: 3, more: ["-p", MARK] });
    await assertPing(lab, "cli0", HOST_IPV6, { count: 3, more: ["-p", MARK] });
    await assertTcp(lab, "cli0", 200_000);
    const capture = await record("relay");
    const now = Date.now();
    assertWellFormed(capture);
    assertNoPayload(capture);
    const fields = [
      "frame.interface_name",
      "frame.packet_flags_direction",
      "frame.time_epoch",
      "ip.src",
      "ip.dst",
      "frame.len",
    ];
    const echoes = (filter: string) => tshark(capture, fields, `icmpv6.type == ${filter}`);
    const requests = echoes(`128 && ipv6.dst == ${client} && frame.len > 100`);
    const sides = requests.map(([name, direction]) => `${name} ${Number(direction)}`);
    // The first was held, and sent when the client was known: as a datagram of its own.
    assert.ok(sides.filter((it) => it === "teredo 1").length >= 3, sides.join());
    assert.ok(sides.filter((it) => it === "udp 2").length >= 3, sides.join());
    const [name, direction, , from, to] = echoes(`129 && ipv6.src == ${client}`)[0]!;
    assert.deepEqual([name, Number(direction)], ["udp", 1]);
    assert.deepEqual([from, to], [lab.sites[0]!.publicAddress, RELAY_ADDRESS]);
    for (const [, , time] of tshark(capture, fields)) {
      const at = Number(time) * 1_000;
      assert.ok(at >= began && at <= now + 1, `${new Date(at).toISOString()}`);
    }
    const segments = tshark(capture, ["tcp.len"], "tcp && tcp.len > 0");
    assert.ok(segments.length > 0, "no TCP segment");
    const held = tshark(capture, ["frame.comment"], 'frame.comment contains "held until"');
    assert.ok(held.length > 0, "nothing was held");
    await server.stop();
  },
);

test("Relay: record -w - is a capture that tshark reads from a pipe", OPTIONS, async () => {
  const { stdout } = await lab.run("rly", [
    "sh",
    "-c",
    `${
      teredo("record", "relay", "--last", "5min", "-w", "-").join(" ")
    } | tshark -r - -n 2>/dev/null | wc -l`,
  ]);
  assert.ok(Number(stdout) > 0, stdout);
});

test("Relay: who leaves its bubbles unanswered has what led to it kept", OPTIONS, async () => {
  await ping(lab, "host6", NOBODY, { count: 1, more: ["-p", MARK] });
  const { found, rows, capture } = await kept(
    "relay",
    "peer_failed",
    ({ why }) => why.startsWith(NOBODY),
  );
  assert.equal(found.why, `${NOBODY} left its bubbles unanswered`);
  const its = rows.filter(({ source, destination }) => [source, destination].includes(NOBODY));
  const inShort = its.map(({ way, packet, did, reason }) => `${way} ${packet} ${did ?? reason}`);
  assert.equal(inShort[0], "from_ipv6 icmpv6 held");
  assert.equal(inShort.filter((it) => it === "to_udp bubble sent").length, 4);
  assert.ok(inShort.includes("from_hold icmpv6 peer_unreachable"), inShort.join("\n"));
  const comments = tshark(capture, ["frame.comment"], `ipv6.dst == ${NOBODY} && frame.comment`);
  assert.ok(
    comments.some(([text]) => text!.startsWith("was held; dropped: peer_unreachable: ")),
    `${comments}`,
  );
});

test("Relay: a burst of drops has what led to it kept, without a byte of it", OPTIONS, async () => {
  const datagram = `text ${MARK} `.repeat(9) + String.fromCharCode(0x7e, 0x57);
  const flood =
    `for i in $(seq 400); do printf '${datagram}' > /dev/udp/${RELAY_ADDRESS}/3545; done`;
  await lab.run("srv", ["bash", "-c", flood]);
  const { found, rows, capture } = await kept("relay", "drops");
  assert.match(found.why, /^\d+ packets were dropped within a second, \d+ of them as \w+$/);
  const dropped = rows.filter(({ reason }) =>
    reason !== undefined && reason !== "peer_unreachable"
  );
  assert.ok(dropped.length >= 50, `${dropped.length}`);
  assert.ok(!Buffer.from(capture).includes(MARK), "text in the capture");
  assert.ok(tshark(capture, ["frame.number"], 'frame.comment contains "dropped: "').length >= 50);
});

test("Relay: not being ready has what led to it kept", OPTIONS, async () => {
  await assertPing(lab, "host6", client, { count: 1 });
  await lab.sh("rly", "sysctl -qw net.ipv6.conf.all.forwarding=0");
  const { found } = await kept("relay", "not_ready");
  await lab.sh("rly", "sysctl -qw net.ipv6.conf.all.forwarding=1");
  assert.match(found.why, /^forwarding: /);
  assert.ok(found.packets > 0);
});

test("Server: record tells a client's qualification by both addresses", OPTIONS, async () => {
  const capture = await record("server", "--last", "1h");
  assertWellFormed(capture);
  const asked = tshark(capture, ["ip.src", "ip.dst", "frame.comment"], "icmpv6.type == 133");
  const { publicAddress } = lab.sites[0]!;
  assert.deepEqual(asked[0], [publicAddress, SERVER_ADDRESS, "answered to where it came from"]);
  // The relay's bubbles, on their way to the client by the server.
  const onward = tshark(capture, ["ip.src", "ip.dst", "teredo.orig.addr"], "teredo.orig");
  assert.ok(onward.length > 0);
  assert.deepEqual(onward[0], [SERVER_ADDRESS, publicAddress, RELAY_ADDRESS]);
});

test(
  "Unless it is asked for nothing is recorded, and whoever asks is told so",
  OPTIONS,
  async () => {
    const conf = `[server]\nbind_address = ${SERVER_ADDRESS}\n`;
    let other: LabProcess | undefined;
    const second = await Lab.create({ nats: [] });
    try {
      other = await startServer(second, "teredo", conf);
      const argv = teredo("record", "server", "-c", "/run/srv-server.conf");
      const { status, stderr } = await second.run("srv", argv);
      assert.equal(status, 1);
      assert.match(stderr, /Nothing is recorded: `record = no` in \[status\]/);
    } finally {
      await other?.stop();
      await second.close();
    }
  },
);
