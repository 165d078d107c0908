import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { Hono } from "hono";
import { openLibc } from "#ffi/open.ts";
import { loadConfig } from "#src/config/load.ts";
import { Cleanup } from "#src/daemon/cleanup.ts";
import { ControlApp } from "#src/daemon/control/app.ts";
import { mayControl, openControl } from "#src/daemon/control/socket.ts";
import { unixPeersOf } from "#src/daemon/host/mod.ts";
import { controlPath, runtimeFolder } from "#src/daemon/runtime_folder.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";
import { createStatus } from "#src/status/app.ts";
import { memoryFiles } from "#test/config/memory_files.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

const libc = await openLibc();
const pages = createStatus(() => sampleSnapshot());

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "teredo-control-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ask(socketPath: string, method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => body += text);
      response.on("end", () => resolve(`${response.statusCode} ${body}`));
    });
    sent.on("error", reject);
    sent.end();
  });
}

const folders: readonly [string | undefined, string][] = [
  [undefined, "/run/teredo-relay/control"],
  ["", "/run/teredo-relay/control"],
  ["relative", "/run/teredo-relay/control"],
  ["/run/teredo", "/run/teredo/control"],
  ["/run/a:/run/b", "/run/a/control"],
];

for (const [given, want] of folders) {
  test(`controlPath() with RUNTIME_DIRECTORY=${given}`, () => {
    const env = { RUNTIME_DIRECTORY: given };
    assert.equal(controlPath("relay", { control: undefined }, env), want);
    assert.equal(controlPath("relay", { control: "/run/c" }, env), "/run/c");
    assert.equal(controlPath("relay", { control: "no" }, env), undefined);
    assert.equal(runtimeFolder("server", {}, "linux").path, "/run/teredo-server");
    assert.equal(runtimeFolder("server", {}, "freebsd").path, "/var/run/teredo-server");
  });
}

test("ControlApp has the pages, commands once it serves, and nothing else", async () => {
  const app = new ControlApp(pages);
  const asked = async (method: string, path: string) => {
    const response = await app.fetch(new Request(`http://localhost${path}`, { method }));
    return [response.status, ((await response.json()) as { error?: string }).error];
  };
  assert.deepEqual(await asked("GET", "/healthz"), [200, undefined]);
  assert.deepEqual(await asked("POST", "/deed"), [503, "The daemon is starting"]);
  const commands = new Hono();
  commands.post("/deed", (c) => c.json({ version: 1, done: c.req.query("what") }));
  commands.post("/fault", () => {
    throw new Error("it did not work");
  });
  app.serve(commands);
  assert.deepEqual(await asked("GET", "/healthz"), [200, undefined]);
  assert.deepEqual(await asked("POST", "/deed?what=x"), [200, undefined]);
  assert.deepEqual(await asked("POST", "/fault"), [500, "it did not work"]);
  assert.deepEqual(await asked("GET", "/deed"), [404, "There is nothing at /deed"]);
  assert.equal((await asked("POST", "/nowhere"))[0], 405);
  assert.equal((await asked("POST", "/status"))[0], 405);
});

const clients: readonly [string, { uid: number; gids: number[] }, boolean][] = [
  ["root", { uid: 0, gids: [0] }, true],
  ["the daemon's user", { uid: 500, gids: [7] }, true],
  ["a member of the group", { uid: 1000, gids: [1000, 600] }, true],
  ["anybody else", { uid: 1000, gids: [1000] }, false],
  ["a user whose number is the group's", { uid: 600, gids: [1000, 500] }, false],
];

for (const [who, peer, want] of clients) {
  test(`mayControl(): ${who} may${want ? "" : " not"}`, () => {
    assert.equal(mayControl(peer, 500, 600), want);
  });
}

test("unixPeersOf() is whoever connected; of no Unix socket it is nobody", () =>
  inFolder(async (folder) => {
    const path = join(folder, "socket");
    const peers = unixPeersOf(libc);
    const server = createServer().listen(path);
    await once(server, "listening");
    const client = connect(path);
    const [socket] = await once(server, "connection") as [Socket];
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    const { uid, gids } = peers.peerOf(fd)!;
    assert.equal(uid, process.geteuid!());
    assert.equal(gids[0], process.getegid!());
    // Some runtimes count the first among the others as well.
    assert.deepEqual(new Set(gids), new Set([process.getegid!(), ...process.getgroups!()]));
    assert.equal(peers.peerOf(0), undefined);
    assert.equal(peers.peerOf(9_999), undefined);
    client.destroy();
    socket.destroy();
    server.close();
    peers.close();
  }));

/** Opens a control socket as a relay does. */
async function opened(control: string, body: (lines: readonly string[]) => Promise<void>) {
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const cleanup = new Cleanup();
  const { config } = loadConfig("relay", { readFile: memoryFiles({}) });
  const status = { ...config.status, port: 0, control };
  const options = {
    libc,
    log,
    cleanup,
    role: "relay",
    config: { status },
    user: undefined,
  } as const;
  await openControl(new ControlApp(pages), options);
  await body(lines);
  await cleanup.run();
}

test("openControl() serves owner and group, and leaves nothing", () =>
  inFolder(async (folder) => {
    const path = join(folder, "control");
    await opened(path, async (lines) => {
      assert.deepEqual(lines, [`level=info msg="Control socket" path=${path}`]);
      assert.equal(lstatSync(path).mode & 0o777, 0o660);
      assert.match(await ask(path, "GET", "/readyz"), /^200 /);
      assert.match(await ask(path, "POST", "/reload"), /^503 .*The daemon is starting/);
    });
    assert.equal(existsSync(path), false);
  }));

test("openControl() that cannot says so in one line, and goes on", () =>
  inFolder(async (folder) => {
    const inner = join(folder, "inner");
    mkdirSync(inner);
    chmodSync(inner, 0o777);
    const hostile: readonly [string, RegExp][] = [
      [join(folder, "nowhere", "control"), /problem=".*there is no folder .*" mend="mkdir -p /],
      [folder, /problem=".* exists and is not a socket" mend=/],
      [join(inner, "deeper", "control"), /and could be made to lead elsewhere" mend=/],
      [`/${"x".repeat(200)}`, /problem=.* mend=/],
    ];
    for (const [path, want] of hostile) {
      await opened(path, (lines) => {
        assert.equal(lines.length, 1, lines.join("\n"));
        assert.match(lines[0]!, /^level=warn msg="No control socket" path=/);
        assert.match(lines[0]!, want);
        return Promise.resolve();
      });
    }
    const path = join(folder, "control");
    await opened(path, () =>
      opened(path, (lines) => {
        assert.match(lines[0]!, /problem=".* is in use by another process"/);
        return Promise.resolve();
      }));
  }));
