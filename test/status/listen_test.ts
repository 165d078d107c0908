import assert from "node:assert/strict";
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#src/status/access/guard.ts";
import { createStatus } from "#src/status/app.ts";
import { isLocalHost, isLoopbackAddress } from "#src/status/hosts.ts";
import { listenTcp, listenUnix } from "#src/status/listen.ts";
import { sampleSnapshot } from "./sample.ts";

const rules = { token: undefined, allowAnonymous: true, public: undefined, hosts: undefined };
const app = guard(createStatus(() => sampleSnapshot()), { scope: "relay", rules: () => rules });

function withFolder(name: string, body: (folder: string) => Promise<void>): void {
  test(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-status-"));
    try {
      await body(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function askUnix(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    }).on("error", reject);
  });
}

/** A raw request, so that the Host header is ours to choose. */
function askRaw(host: string, port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, host, () => socket.write(head));
    socket.on("data", (data) => text += data);
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}

test("listenTcp() serves on the address, and its port is free after close()", async () => {
  const listening = await listenTcp(app, "127.0.0.1", 0);
  assert.match(listening.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const response = await fetch(`${listening.url}/healthz`);
  assert.equal(response.status, 200);
  await response.text();
  await listening.close();
  const again = await listenTcp(app, "127.0.0.1", Number(new URL(listening.url).port));
  await again.close();
});

test("listenTcp() names an IPv6 address in brackets", async () => {
  const listening = await listenTcp(app, "::1", 0);
  assert.match(listening.url, /^http:\/\/\[::1\]:\d+$/);
  await listening.close();
});

test("listenTcp() fails when the port is taken", async () => {
  const first = await listenTcp(app, "127.0.0.1", 0);
  const port = Number(new URL(first.url).port);
  await assert.rejects(listenTcp(app, "127.0.0.1", port), { code: "EADDRINUSE" });
  await first.close();
});

/** Where it listens, where it is asked, and whether a foreign name in Host is answered there. */
const doors: readonly [listen: string, ask: string, foreign: boolean][] = [
  ["127.0.0.1", "127.0.0.1", false],
  ["127.0.0.2", "127.0.0.2", false],
  ["::1", "::1", false],
  ["0:0:0:0:0:0:0:1", "::1", false],
  ["::ffff:127.0.0.1", "127.0.0.1", false],
  ["0.0.0.0", "127.0.0.1", false],
  ["::", "::1", false],
  ["::", "127.0.0.1", false],
];

for (const [address, host, foreign] of doors) {
  test(`listenTcp() on ${address} asked at ${host}: a foreign Host is ${foreign ? "" : "not "}answered`, async () => {
    const listening = await listenTcp(app, address, 0);
    const port = Number(new URL(listening.url).port);
    const head = (name: string) => `GET /healthz HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
    assert.match(await askRaw(host, port, head("rebound.example")), /^HTTP\/1\.1 403 /);
    assert.match(await askRaw(host, port, head("localhost:9545")), /^HTTP\/1\.1 200 /);
    await listening.close();
  });
}

withFolder("listenUnix() serves owner and group, and removes its socket", async (folder) => {
  const path = join(folder, "status.sock");
  const listening = await listenUnix(app, path);
  assert.equal(listening.url, `unix:${path}`);
  assert.equal(statSync(path).mode & 0o7777, 0o660);
  assert.equal(await askUnix(path, "/readyz"), 200);
  await listening.close();
  assert.equal(existsSync(path), false);
});

withFolder("listenUnix() leaves what has taken the place of its socket", async (folder) => {
  const path = join(folder, "status.sock");
  const listening = await listenUnix(app, path);
  renameSync(path, join(folder, "moved.sock"));
  writeFileSync(path, "another's");
  await listening.close();
  assert.equal(existsSync(path), true);
});

const hosts: readonly [string | undefined, boolean][] = [
  ["127.0.0.1:9545", true],
  ["localhost", true],
  ["LOCALHOST:1", true],
  ["[::1]:9545", true],
  ["192.0.2.1", true],
  ["evil.example", false],
  ["localhost.evil.example", false],
  ["127.0.0.1.evil.example:80", false],
  ["", false],
  ["localhost.", true],
  ["127.1", false],
  ["[127.0.0.1]", false],
  ["::1", false],
  ["[::1", false],
  ["localhost:80:80", false],
  ["localhost@evil.example", false],
  [undefined, false],
];

for (const [header, want] of hosts) {
  test(`isLocalHost(${JSON.stringify(header)}) is ${want}`, () => {
    assert.equal(isLocalHost(header), want);
  });
}

const loopback: readonly [string, boolean][] = [
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["0000::0001", true],
  ["::0.0.0.1", true],
  ["::ffff:127.0.0.1", true],
  ["::FFFF:7f00:1", true],
  ["0:0:0:0:0:ffff:127.0.0.2", true],
  ["::", false],
  ["::2", false],
  ["::ffff:128.0.0.1", false],
  ["::127.0.0.1", false],
  ["0.0.0.0", false],
  ["126.255.255.255", false],
  ["127.evil.example", false],
  ["", false],
];

for (const [address, want] of loopback) {
  test(`isLoopbackAddress(${address}) is ${want}`, () => {
    assert.equal(isLoopbackAddress(address), want);
  });
}
