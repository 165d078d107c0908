import assert from "node:assert/strict";
import { once } from "node:events";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { exchange } from "#src/cli/status/exchange.ts";
import { NoStatus } from "#src/cli/status/no_status.ts";
import { parsePlace, type Place, tcpPlace } from "#src/cli/status/place.ts";
import { createStatus } from "#src/status/app.ts";
import { guard } from "#src/status/access/guard.ts";
import { type App, listenTcp, listenUnix } from "#src/status/listen.ts";
import { errorDocument, JSON_VERSION, statusDocument } from "#src/status/document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { dated, sampleSnapshot } from "#test/status/sample.ts";
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

/** Asked at once, as it takes a while: a daemon that comes to its answer after 6 s. */
const slow = (async () => {
  const server = createServer((_, response) => {
    setTimeout(() => response.end(JSON.stringify(statusDocument(sampleSnapshot()))), 6_000);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const done = await status(["--url", `127.0.0.1:${port}`]);
  server.close();
  return done;
})();

/** Only what is not 0 is listed. */
function quiet(changes: Partial<Snapshot> = {}): Snapshot {
  const sample = sampleSnapshot();
  const zero = <T extends string>(numbers: Readonly<Record<T, number>>) =>
    Object.fromEntries(Object.keys(numbers).map((name) => [name, 0])) as Record<T, number>;
  const counters = { ...zero(sample.counters), udp_received_datagrams: 1_234_567 };
  const drops = { ...zero(sample.drops), truncated: 3 };
  const { udp, ipv6, tun } = sample.failures;
  const failures = { udp: zero(udp), ipv6: zero(ipv6), tun: zero(tun) };
  const reload = { ...sample.reload, ok: true };
  return sampleSnapshot({ counters, drops, failures, reload, ...changes });
}

test("teredo status shows a relay to people", () =>
  served(quiet(), async (url) => {
    assert.deepEqual(await status(["--url", url]), {
      status: 0,
      stdout: `teredo relay 1.2.3  ready
  process    4242, up 12 s, 50 MB, 1.8 s of processor
  listening  UDP 0.0.0.0:3545
  interface  teredo, MTU 1280, 2001::/32, announced
  workers    2 (workers = 2)
  offloads   tun, udp_gro, udp_segment
             no tun_udp: the kernel has no USO for TUN; Linux 6.2 has
  fast path  on, 4 leases, 0 % of packets
  sandbox    capabilities (keeps CAP_NET_ADMIN), seccomp
             no landlock: the kernel has no Landlock
  peers      7, 5 trusted, room for 1,048,576; holding 3 packets, 3,840 bytes
  counted
    udp_received_datagrams                 1,234,567
  dropped
    truncated                                      3
`,
      stderr: "",
    });
  }));

const conditions: readonly [string, Partial<Snapshot>, number, RegExp][] = [
  ["ready", {}, 0, /^teredo relay 1\.2\.3 {2}ready\n/],
  ["stuck", { heartbeatAgeSeconds: 3 }, 4, /^teredo relay 1\.2\.3 {2}no sign of life\n/],
  ["draining", { draining: true }, 5, /^teredo relay 1\.2\.3 {2}draining\n/],
  [
    "not ready",
    {
      checks: [
        dated({ name: "route", ok: false, detail: "the prefix leads nowhere", mend: "x" }),
      ],
    },
    4,
    /^teredo relay 1\.2\.3 {2}not ready\n[^]*\n {2}FAIL {7}route: the prefix leads nowhere; mend: x\n/,
  ],
];

for (const [name, changes, code, want] of conditions) {
  test(`teredo status says that a daemon is ${name}, and exits with ${code}`, () =>
    served(quiet(changes), async (url) => {
      const done = await status(["--url", url]);
      assert.match(done.stdout, want);
      assert.equal(done.status, code);
      assert.equal((await status(["--url", url, "--json"])).status, code);
    }));
}

const spellings: readonly ((port: string) => string)[] = [
  (port) => `127.0.0.1:${port}`,
  (port) => `127.0.0.1:${port}/`,
  (port) => `localhost:${port}/status`,
  (port) => `[::ffff:127.0.0.1]:${port}`,
  (port) => `http://127.0.0.1:${port}/metrics`,
  (port) => `HTTP://127.0.0.1:${port}/readyz`,
];

for (const spell of spellings) {
  test(`teredo status --url ${spell("PORT")}`, () =>
    served(quiet(), async (url) => {
      const done = await status(["--url", spell(URL.parse(url)!.port), "relay"]);
      assert.deepEqual([done.status, done.stderr], [0, ""]);
    }));
}

const places: readonly [string, Place | undefined][] = [
  ["http://a.example", { url: "http://a.example", host: "a.example", port: 80, path: "/status" }],
  ["a.example:80", { url: "http://a.example", host: "a.example", port: 80, path: "/status" }],
  [
    "http://a.example/teredo/",
    { url: "http://a.example/teredo", host: "a.example", port: 80, path: "/teredo/status" },
  ],
  ["[::1]:9545", { url: "http://[::1]:9545", host: "::1", port: 9545, path: "/status" }],
  ["unix:/run/s", { url: "unix:/run/s", socketPath: "/run/s" }],
  ["unix:///run/s", { url: "unix:/run/s", socketPath: "/run/s" }],
  ...["", " ", "127.0.0.1", "9545", "::1:9545", "::1", "[::1]", ":9545", "http://"]
    .map(
      (text): [string, undefined] => [text, undefined],
    ),
  ...["https://a:1", "ftp://a:1", "file:///run/s", "unix:run/s", "unix:", "a:65536", "a:-1"].map(
    (text): [string, undefined] => [text, undefined],
  ),
  ...["a:1?x", "a:1#x", "u:p@a:1", "a b:1", "\u001b[2J:1"].map(
    (text): [string, undefined] => [text, undefined],
  ),
];

for (const [text, want] of places) {
  test(`parsePlace(${JSON.stringify(text)})`, () => {
    if (want !== undefined) assert.deepEqual(parsePlace(text), want);
    else {
      // deno-lint-ignore no-control-regex
      assert.throws(() => parsePlace(text), /^[^\x00-\x1f]*; write [^\x00-\x1f]*$/);
    }
  });
}

test("tcpPlace() asks on loopback where a daemon listens on every address", () => {
  const hosts = ["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "192.0.2.1", "2001:db8::1"]
    .map((address) => tcpPlace(address, 1).url);
  assert.deepEqual(hosts, [
    "http://127.0.0.1:1",
    "http://[::1]:1",
    "http://[::1]:1",
    "http://192.0.2.1:1",
    "http://[2001:db8::1]:1",
  ]);
});

test("teredo status of the other role fails", () =>
  served(quiet(), async (url) => {
    const done = await status(["server", "--url", url]);
    assert.equal(done.status, 1);
    assert.match(done.stderr, /^teredo: a teredo relay answers at http:\S+, not a server\n$/);
  }));

test("teredo status reads the configuration for where to ask", () =>
  served(quiet(), async (url) => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-status-"));
    const file = join(folder, "teredo.ini");
    const ask = async (text: string, ...args: string[]) => {
      writeFileSync(file, text);
      const { status: code, stderr } = await status(["-c", file, ...args]);
      return [code, stderr.replaceAll(file, "FILE")];
    };
    const { port } = URL.parse(url)!;
    // What is wrong elsewhere is of no concern to who asks.
    const rest = "[relay]\nbind_port = x\n[server]\nsecrets_file = /nowhere\n";
    // A daemon of this machine may be at the usual place.
    const pages = `[status]\ncontrol = ${join(folder, "none")}\nport = ${port}\n`;
    assert.deepEqual(await ask(pages), [0, ""]);
    assert.deepEqual(await ask(`${pages}${rest}`), [0, ""]);
    assert.deepEqual(await ask(`${pages}address = 0.0.0.0\n${rest}`), [0, ""]);
    assert.deepEqual(await ask(`${pages}[server]\n`), [
      1,
      `teredo: a teredo relay answers at ${url}, not a server\n`,
    ]);
    assert.deepEqual(await ask("[status]\nport = 1\ncontrol = no\n"), [
      3,
      "teredo: not running: nothing listens at http://127.0.0.1:1\n",
    ]);
    assert.deepEqual(await ask("[status]\nenabled = no\ncontrol = no\n"), [
      1,
      "teredo: nothing to ask: `enabled = no` and `control = no` in [status]\n",
    ]);
    const control = join(folder, "c");
    assert.deepEqual(await ask(`[status]\nenabled = no\ncontrol = ${control}\n`), [
      3,
      `teredo: not running: there is no socket unix:${control}\n`,
    ]);
    assert.deepEqual(await ask("[status]\nport = 0\ncontrol = no\n"), [
      1,
      "teredo: the port of the status pages is the kernel's choice; give it by --url\n",
    ]);
    assert.deepEqual(await ask("[status]\nport = here\n"), [
      78,
      "teredo: FILE:2: port: `here` is not a whole number; write it in decimal digits\n",
    ]);
    // The socket where the port does not answer.
    const path = join(folder, "s");
    const listening = await listenUnix(createStatus(() => quiet()), path);
    assert.deepEqual(await ask(`[status]\nport = 1\nsocket = ${path}\n`, "relay"), [0, ""]);
    await listening.close();
    rmSync(folder, { recursive: true });
  }));

test("teredo status gives the token of a file, and no other where none is named", async () => {
  const TOKEN = "0123456789abcdefghijkl";
  const rules = { token: TOKEN, allowAnonymous: false, public: undefined, hosts: undefined };
  const guarded = guard(createStatus(() => quiet()), { scope: "relay", rules: () => rules });
  // As for who comes from elsewhere.
  const app: App = {
    fetch: (request, client) => guarded.fetch(request, { ...client, way: "network" }),
  };
  const folder = mkdtempSync(join(tmpdir(), "teredo-status-"));
  const file = (name: string, text: string, mode = 0o640) => {
    writeFileSync(join(folder, name), text, { mode });
    return join(folder, name);
  };
  const right = file("token", `${TOKEN}\n`);
  const wrong = file("wrong", `${TOKEN.toUpperCase()}\n`);
  const listening = await listenTcp(app, "127.0.0.1", 0);
  const { url } = listening;
  const { port } = URL.parse(url)!;
  const locked =
    `teredo: ${url} asks for a token; give what \`token_file\` in its [status] names by ` +
    "--token-file FILE\n";
  const ask = async (...args: string[]) => {
    const { status: code, stderr } = await status(args);
    return [code, stderr];
  };
  assert.deepEqual(await ask("--url", url), [1, locked]);
  assert.deepEqual(await ask("--url", url, "--token-file", right), [0, ""]);
  assert.deepEqual(await ask("--url", url, "--token-file", wrong), [
    1,
    `teredo: ${url} refuses the token: This token is wrong\n`,
  ]);
  const own = file(
    "teredo.ini",
    `[relay]\n[status]\nport = ${port}\ncontrol = no\ntoken_file = ${right}\n`,
  );
  assert.deepEqual(await ask("-c", own), [1, locked]);
  assert.deepEqual(await ask("-c", own, "--token-file", right), [0, ""]);
  // Where the socket answers, nothing is needed.
  const path = join(folder, "s");
  const socket = await listenUnix(createStatus(() => quiet()), path);
  const both = file("both.ini", `[relay]\n[status]\nport = ${port}\nsocket = ${path}\n`);
  assert.deepEqual(await ask("-c", both), [0, ""]);
  await socket.close();
  const open = file("open", `${TOKEN}\n`);
  chmodSync(open, 0o644);
  for (
    const [bad, problem] of [
      [open, "anyone can read this file of secrets; chmod 640 it"],
      [join(folder, "none"), "no such file; check the path"],
    ]
  ) {
    const found = await ask("--url", url, "--token-file", bad!);
    assert.deepEqual(found, [78, `teredo: ${bad}: ${problem}\n`]);
  }
  await listening.close();
  rmSync(folder, { recursive: true });
});

test("teredo status tells a socket that nobody serves from none and from one that is closed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "teredo-status-"));
  const dead = join(folder, "dead");
  // Who is killed leaves it behind.
  const leave =
    'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, 9))';
  spawnSync("node", ["-e", leave, dead]);
  const plain = join(folder, "plain");
  writeFileSync(plain, "");
  const rows: readonly [string, number, string][] = [
    [dead, 3, `not running: nobody listens at unix:${dead}, which an earlier process left behind`],
    [join(folder, "none"), 3, `not running: there is no socket unix:${join(folder, "none")}`],
    [plain, 1, `${plain} is not a socket`],
  ];
  for (const [path, code, text] of rows) {
    const done = await status(["--url", `unix:${path}`]);
    assert.deepEqual([done.status, done.stderr], [code, `teredo: ${text}\n`]);
  }
  rmSync(folder, { recursive: true });
});

test("exchange() gives up on a daemon that takes the connection and says nothing", async () => {
  const server = createTcpServer(() => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const place = tcpPlace("127.0.0.1", (server.address() as AddressInfo).port);
  await assert.rejects(
    exchange(place, { method: "GET", path: "/status" }, 500),
    new NoStatus(`no answer from ${place.url} within 0.5 s`),
  );
  server.close();
});

test("teredo status of what speaks no HTTP fails with a reason", async () => {
  const server = createTcpServer((socket) => socket.on("error", () => {}).end("220 smtp\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const done = await status(["--url", url]);
  assert.equal(done.status, 1);
  assert.match(done.stderr, /^teredo: something else than a teredo daemon answers at http:/);
  server.close();
});

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

test("teredo status --interval watches, shows rates, and ends with Ctrl-C", () =>
  served(quiet(), async (url) => {
    const child = start(["status", "--url", url, "--interval", "100ms"]);
    let stdout = "";
    let told = false;
    child.stdout.on("data", (data) => {
      stdout += data;
      if (told || stdout.split("teredo relay").length <= 2) return;
      told = true; // a second one may come when it no longer listens
      process.kill(child.pid!, "SIGINT");
    });
    const [code] = await once(child, "close");
    assert.equal(code, 0);
  }));

const strangers: readonly [string, number, string, RegExp][] = [
  ["another program", 200, "hello", /something else than a teredo daemon answers/],
  ["another program's JSON", 200, "[1]", /something else than a teredo daemon answers/],
  ["JSON null", 200, "null", /something else than a teredo daemon answers/],
  [
    "JSON that only starts right",
    200,
    JSON.stringify({ version: JSON_VERSION, role: "relay", counters: {} }),
    /something else than a teredo daemon answers/,
  ],
  [
    "a daemon that refuses",
    403,
    JSON.stringify(errorDocument("This Host is not answered here")),
    /refuses to answer: This Host is not answered here/,
  ],
  [
    "another version's form",
    200,
    JSON.stringify({ ...statusDocument(sampleSnapshot()), version: JSON_VERSION + 1 }),
    /is teredo 1\.2\.3: ask it with that version/,
  ],
  [
    "a daemon that starts",
    503,
    JSON.stringify(errorDocument("The daemon is starting")),
    /^teredo: http:\S+: The daemon is starting\n$/,
  ],
  ["an error", 404, "", /something else .*: HTTP status 404/],
  ["an endless answer", 200, "x".repeat(4_000_000), /the answer is too long/],
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

test("teredo status waits for a daemon that is slow to answer", async () => {
  const done = await slow;
  assert.deepEqual([done.status, done.stderr], [0, ""]);
  assert.match(done.stdout, /^teredo relay 1\.2\.3 {2}ready\n/);
});
