import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { createStatus } from "#src/status/app.ts";
import { isLocalHost } from "#src/status/hosts.ts";
import { listenTcp, listenUnix } from "#src/status/listen.ts";
import { sampleSnapshot } from "./sample.ts";

const app = createStatus(() => sampleSnapshot());

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
function askRaw(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(head));
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

test("listenTcp() on loopback answers no foreign Host", async () => {
  const listening = await listenTcp(app, "127.0.0.1", 0);
  const port = Number(new URL(listening.url).port);
  const head = (host: string) =>
    `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  assert.match(await askRaw(port, head("rebound.example")), /^HTTP\/1\.1 403 /);
  assert.match(await askRaw(port, head("localhost:9545")), /^HTTP\/1\.1 200 /);
  await listening.close();
});

test("listenTcp() refuses a header that is too long", async () => {
  const listening = await listenTcp(app, "127.0.0.1", 0);
  const port = Number(new URL(listening.url).port);
  const head = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`;
  const answer = await askRaw(port, head).catch(() => "");
  assert.doesNotMatch(answer, /^HTTP\/1\.1 200 /);
  await listening.close();
});

withFolder("listenUnix() serves owner and group, and removes its socket", async (folder) => {
  const path = join(folder, "status.sock");
  const listening = await listenUnix(app, path);
  assert.equal(listening.url, `unix:${path}`);
  assert.equal(statSync(path).mode & 0o7777, 0o660);
  assert.equal(await askUnix(path, "/readyz"), 200);
  await listening.close();
  assert.equal(existsSync(path), false);
});

withFolder("listenUnix() replaces the socket of a process that is gone", async (folder) => {
  const path = join(folder, "status.sock");
  await leaveStale(folder, path);
  const listening = await listenUnix(app, path);
  assert.equal(await askUnix(path, "/healthz"), 200);
  await listening.close();
});

withFolder("listenUnix() leaves a socket that is in use", async (folder) => {
  const path = join(folder, "status.sock");
  const first = await listenUnix(app, path);
  await assert.rejects(listenUnix(app, path), { message: `${path} is in use by another process` });
  assert.equal(await askUnix(path, "/healthz"), 200);
  await first.close();
});

withFolder("listenUnix() removes no file that is not a socket", async (folder) => {
  const path = join(folder, "precious");
  writeFileSync(path, "x");
  await assert.rejects(listenUnix(app, path), { message: `${path} exists and is not a socket` });
  const link = join(folder, "link");
  symlinkSync(path, link);
  await assert.rejects(listenUnix(app, link), { message: `${link} exists and is not a socket` });
  assert.ok(existsSync(path));
});

/** A socket file with nobody behind it: closing would remove it, so it is bound under another name. */
async function leaveStale(folder: string, path: string): Promise<void> {
  const { renameSync } = await import("node:fs");
  const other = join(folder, "other.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ path: other }, () => resolve()));
  renameSync(other, path);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  assert.ok(existsSync(path));
}

const hosts: readonly [string | null, boolean][] = [
  ["127.0.0.1:9545", true],
  ["localhost", true],
  ["LOCALHOST:1", true],
  ["[::1]:9545", true],
  ["192.0.2.1", true],
  ["evil.example", false],
  ["localhost.evil.example", false],
  ["127.0.0.1.evil.example:80", false],
  ["", false],
  [null, false],
];

for (const [header, want] of hosts) {
  test(`isLocalHost(${JSON.stringify(header)}) is ${want}`, () => {
    assert.equal(isLocalHost(header), want);
  });
}
