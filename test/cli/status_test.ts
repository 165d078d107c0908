import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { duration } from "#src/cli/status/table.ts";
import { createStatus } from "#src/status/app.ts";
import { listenTcp, listenUnix } from "#src/status/listen.ts";
import { JSON_VERSION, statusDocument } from "#src/status/document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import { start } from "./run.ts";

/** Not `spawnSync`: the daemon asked is this very process. */
async function status(args: readonly string[]) {
  const child = start(["status", ...args]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => stdout += data);
  child.stderr.on("data", (data) => stderr += data);
  const [code] = await once(child, "close");
  return { status: code as number, stdout, stderr };
}

async function served(snapshot: Snapshot, body: (url: string) => Promise<void>): Promise<void> {
  const listening = await listenTcp(createStatus(() => snapshot), "127.0.0.1", 0);
  try {
    await body(listening.url);
  } finally {
    await listening.close();
  }
}

/** Only what is not 0 is listed. */
function quiet(changes: Partial<Snapshot> = {}): Snapshot {
  const sample = sampleSnapshot();
  const zero = <T extends string>(numbers: Readonly<Record<T, number>>) =>
    Object.fromEntries(Object.keys(numbers).map((name) => [name, 0])) as Record<T, number>;
  const counters = { ...zero(sample.counters), udp_received_datagrams: 1_234_567 };
  const drops = { ...zero(sample.drops), truncated: 3 };
  return sampleSnapshot({ counters, drops, ...changes });
}

test("teredo status shows a relay to people", () =>
  served(quiet(), async (url) => {
    assert.deepEqual(await status(["--url", url]), {
      status: 0,
      stdout: `teredo relay 1.2.3  ready
  process    4242, up 12 s, 50 MB, 1.8 s of processor
  listening  UDP 0.0.0.0:3545
  interface  teredo, MTU 1280, 2001::/32
  workers    2 (workers = 2)
  offloads   tun, udp_gro, udp_segment
             no tun_udp: the kernel has no USO for TUN; Linux 6.2 has
  peers      7, 5 trusted, room for 1,048,576; holding 3 packets, 3,840 bytes
  counted
    udp_received_datagrams                 1,234,567
  dropped
    truncated                                      3
`,
      stderr: "",
    });
  }));

const conditions: readonly [string, Partial<Snapshot>, RegExp][] = [
  ["stuck", { heartbeatAgeSeconds: 3 }, /^teredo relay 1\.2\.3 {2}no sign of life\n/],
  ["draining", { draining: true }, /^teredo relay 1\.2\.3 {2}draining\n/],
  [
    "not ready",
    { checks: [{ name: "route", ok: false, detail: "the prefix leads nowhere" }] },
    /^teredo relay 1\.2\.3 {2}not ready\n[^]*\n {2}FAIL {7}route: the prefix leads nowhere\n/,
  ],
];

for (const [name, changes, want] of conditions) {
  test(`teredo status says that a daemon is ${name}`, () =>
    served(quiet(changes), async (url) => {
      assert.match((await status(["--url", url])).stdout, want);
    }));
}

test("teredo status --json hands what the daemon says on, one a line", () =>
  served(sampleSnapshot(), async (url) => {
    const { stdout } = await status(["--url", url, "--json"]);
    assert.equal(stdout, `${JSON.stringify(statusDocument(sampleSnapshot()))}\n`);
  }));

test("teredo status asks a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-status-"));
  const path = join(folder, "s");
  const listening = await listenUnix(createStatus(() => quiet()), path);
  for (const url of [`unix:${path}`, `unix://${path}`]) {
    assert.match((await status(["--url", url])).stdout, /^teredo relay 1\.2\.3 {2}ready\n/);
  }
  await listening.close();
  rmSync(folder, { recursive: true });
});

test("teredo status --watch shows rates, and ends with Ctrl-C", () =>
  served(quiet(), async (url) => {
    const child = start(["status", "--url", url, "--watch"]);
    let stdout = "";
    child.stdout.on("data", (data) => {
      stdout += data;
      if (stdout.split("teredo relay").length > 2) process.kill(child.pid!, "SIGINT");
    });
    const [code] = await once(child, "close");
    assert.equal(code, 0);
  }));

const strangers: readonly [string, number, string, RegExp][] = [
  ["another program", 200, "hello", /is not a teredo daemon/],
  ["another program's JSON", 200, "[1]", /is not a teredo daemon/],
  ["JSON null", 200, "null", /is not a teredo daemon/],
  [
    "another version's form",
    200,
    JSON.stringify({ ...statusDocument(sampleSnapshot()), version: JSON_VERSION + 1 }),
    /is teredo 1\.2\.3: ask it with that version/,
  ],
  ["an error", 404, "", /answers with status 404/],
  ["an endless answer", 200, "x".repeat(2_000_000), /The answer is too long/],
];

for (const [name, code, body, want] of strangers) {
  test(`teredo status of ${name} fails with a reason`, async () => {
    const server = createServer((_, response) => response.writeHead(code).end(body));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const done = await status(["--url", `http://127.0.0.1:${port}`]);
    assert.equal(done.status, 1);
    assert.equal(done.stdout, "");
    assert.match(done.stderr, want);
    server.closeAllConnections();
    server.close();
  });
}

const durations: readonly [number, string][] = [
  [0, "0 s"],
  [0.9, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [61, "1 min 1 s"],
  [3599, "59 min 59 s"],
  [3600, "1 h"],
  [7260, "2 h 1 min"],
  [90_000, "1 d 1 h"],
];

for (const [seconds, want] of durations) {
  test(`duration(${seconds}) is ${want}`, () => assert.equal(duration(seconds), want));
}
