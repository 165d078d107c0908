import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { createStatus } from "#src/status/app.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { parseExposition } from "./exposition_parser.ts";
import { sampleSnapshot } from "./sample.ts";
import { validate } from "./schema_validator.ts";

const ask = (path: string, changes: Partial<Snapshot> = {}, init: RequestInit = {}) =>
  Promise.resolve(createStatus(() => sampleSnapshot(changes)).request(path, init));

const OK = { name: "tun", ok: true, detail: "teredo is up" };
const BAD = { name: "route", ok: false, detail: "2001::/32 is routed elsewhere" };

const answers: readonly [string, string, Partial<Snapshot>, number, unknown][] = [
  ["a young heartbeat", "/healthz", { heartbeatAgeSeconds: 1.999 }, 200, {
    healthy: true,
    heartbeatAgeSeconds: 1.999,
  }],
  ["a heartbeat of 2 s", "/healthz", { heartbeatAgeSeconds: 2 }, 503, {
    healthy: false,
    heartbeatAgeSeconds: 2,
  }],
  ["all checks passed", "/readyz", { checks: [OK] }, 200, [OK]],
  ["one check failed", "/readyz", { checks: [OK, BAD] }, 503, [OK, BAD]],
  ["no check made yet", "/readyz", { checks: [] }, 503, []],
];

for (const [name, path, changes, status, body] of answers) {
  test(`createStatus() GET ${path} after ${name}: ${status}`, async () => {
    const response = await ask(path, changes);
    assert.equal(response.status, status);
    assert.match(response.headers.get("content-type")!, /^application\/json/);
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.deepEqual(await response.json(), body);
  });
}

test("createStatus() GET /metrics is Prometheus text 0.0.4", async () => {
  const response = await ask("/metrics");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.ok(parseExposition(await response.text()).has("teredo_drops_total"));
});

for (const role of ["relay", "server"] as const) {
  test(`createStatus() GET /status of a ${role} keeps to docs/status.schema.json`, async () => {
    const { interfaceName: _, ...server } = sampleSnapshot({ role });
    const snapshot = role === "relay" ? sampleSnapshot() : server;
    const body = await (await createStatus(() => snapshot).request("/status")).json();
    assert.deepEqual(body, snapshot);
    const schema = JSON.parse(readFileSync("docs/status.schema.json", "utf8"));
    assert.deepEqual(validate(schema, body), []);
  });
}

test("docs/status.schema.json refuses what a snapshot is not", () => {
  const schema = JSON.parse(readFileSync("docs/status.schema.json", "utf8"));
  const wrong = { ...sampleSnapshot(), role: "client", pid: -1, extra: 1, startedAt: "today" };
  const { mtu: _, ...shorter } = wrong;
  assert.deepEqual(validate(schema, shorter).map((problem) => problem.split(":")[0]).sort(), [
    "$.extra",
    "$.mtu",
    "$.pid",
    "$.role",
    "$.startedAt",
  ]);
});

test("createStatus() answers HEAD like GET, without a body", async () => {
  const response = await ask("/healthz", {}, { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  test(`createStatus() refuses ${method}`, async () => {
    const response = await ask("/status", {}, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
    assert.deepEqual(await response.json(), { error: "Only GET and HEAD are answered here" });
  });
}

for (const path of ["/", "/peers", "/metrics/", "/status.php"]) {
  test(`createStatus() says that there is nothing at ${path}`, async () => {
    const response = await ask(path);
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), {
      error: `There is nothing at ${path}`,
      paths: ["/healthz", "/readyz", "/metrics", "/status"],
    });
  });
}

test("createStatus() answers 503 with the reason when no snapshot can be made", async () => {
  const app = createStatus(() => {
    throw new Error("No snapshot");
  });
  const response = await app.request("/status");
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { error: "No snapshot" });
});
