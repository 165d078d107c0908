import assert from "node:assert/strict";
import test from "node:test";
import { createStatus } from "#src/status/app.ts";
import { statusDocument } from "#src/status/document.ts";
import { CLIENT_STATES, type Snapshot } from "#src/status/snapshot.ts";
import { parseExposition } from "./exposition_parser.ts";
import { dated, sampleClientSnapshot, sampleSnapshot } from "./sample.ts";
import { problemsOf, SCHEMA } from "./schema_validator.ts";

const ask = (path: string, changes: Partial<Snapshot> = {}, init: RequestInit = {}) =>
  Promise.resolve(createStatus(() => sampleSnapshot(changes)).request(path, init));

const OK = dated({ name: "tun", ok: true, detail: "teredo is up" });
const BAD = dated({
  name: "route",
  ok: false,
  detail: "2001::/32 is routed elsewhere",
  mend: "ip -6 route del 2001::/32",
});
const since = "2026-11-20T06:00:00.000Z";

const answers: readonly [string, string, Partial<Snapshot>, number, string, unknown][] = [
  ["a young heartbeat", "/healthz", { heartbeatAgeSeconds: 1.999 }, 200, "health", {
    version: 1,
    healthy: true,
    heartbeat_age_seconds: 1.999,
  }],
  ["a heartbeat of 2 s", "/healthz", { heartbeatAgeSeconds: 2.00049 }, 503, "health", {
    version: 1,
    healthy: false,
    heartbeat_age_seconds: 2,
  }],
  ["all checks passed", "/readyz", { checks: [OK] }, 200, "ready", {
    version: 1,
    ready: true,
    checks: [{ ...OK, since }],
  }],
  ["one check failed", "/readyz", { checks: [OK, BAD] }, 503, "ready", {
    version: 1,
    ready: false,
    checks: [{ ...OK, since }, { ...BAD, since }],
  }],
  ["no check made yet", "/readyz", { checks: [] }, 503, "ready", {
    version: 1,
    ready: false,
    checks: [],
  }],
];

for (const [name, path, changes, status, schema, body] of answers) {
  test(`createStatus() GET ${path} after ${name}: ${status}`, async () => {
    const response = await ask(path, changes);
    assert.equal(response.status, status);
    assert.match(response.headers.get("content-type")!, /^application\/json/);
    assert.equal(response.headers.get("cache-control"), "no-store");
    const found = await response.json();
    assert.deepEqual(found, body);
    assert.deepEqual(problemsOf(found, schema), []);
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
    assert.deepEqual(body, statusDocument(snapshot));
    assert.deepEqual(problemsOf(body), []);
  });
}

for (const state of CLIENT_STATES) {
  test(`createStatus() GET /status of a client that is ${state} keeps to docs/status.schema.json`, async () => {
    const snapshot = sampleClientSnapshot({ state });
    const body = await (await createStatus(() => snapshot).request("/status")).json();
    assert.deepEqual(problemsOf(body), []);
    assert.equal(body.client.state, state);
  });
}

test("statusDocument() of a client tells its address, its NAT and its servers", () => {
  const { client } = statusDocument(sampleClientSnapshot());
  assert.deepEqual(client, {
    state: "qualified",
    since,
    address: "2001:0:c633:6401:0:ce2b:39cd:fef8",
    deprecated: ["2001:0:c633:6402:0:ce2b:39cd:fef8"],
    server: {
      name: "teredo.example",
      primary: "198.51.100.1",
      secondary: "198.51.100.2",
      live: true,
      rtt_seconds: 0.0235,
      native: "ok",
      key_refused: false,
    },
    standbys: [{
      name: "192.0.2.9",
      primary: "192.0.2.9",
      secondary: "192.0.2.10",
      live: false,
      native: "unknown",
      key_refused: true,
    }],
    unresolved: [{ name: "gone.example", why: "no such name" }],
    mapped: "198.51.100.7:12756",
    local: "192.168.1.2:40001",
    nat: "symmetric_port",
    filtering: "unknown",
    port_preserving: false,
    port_mapping: "nat_pmp",
    refresh: { interval_seconds: 30, next: "2026-11-23T06:00:41.500Z" },
    native: "ok",
    last_change: { reason: "the mapping is another one", at: since },
    random_ports: 3,
    peers: [
      { kind: "native", path: "direct", count: 11 },
      { kind: "client", path: "random_port", count: 12 },
    ],
  });
});

test("statusDocument() of a client that knows nothing yet keeps to docs/status.schema.json", () => {
  const { address: _, server: __, mapped: ___, local: ____, lastChange: _____, ...view } =
    sampleClientSnapshot().client!;
  const snapshot = {
    ...sampleClientSnapshot(),
    client: { ...view, standbys: [], deprecated: [], refresh: { intervalSeconds: 30 } },
  };
  assert.deepEqual(problemsOf(JSON.parse(JSON.stringify(statusDocument(snapshot)))), []);
});

test("statusDocument() tells every number of a snapshot under its own name", () => {
  const { process, gauges, offloads, ...status } = statusDocument(sampleSnapshot());
  assert.deepEqual(process, {
    pid: 4242,
    started_at: "2026-11-23T06:00:00.000Z",
    uptime_seconds: 12.5,
    cpu_seconds: 1.75,
    resident_memory_bytes: 50_000_000,
    virtual_memory_bytes: 70_000_000,
    open_fds: 31,
    max_fds: 1024,
  });
  assert.deepEqual(gauges, {
    peers: 7,
    trusted_peers: 5,
    resolving_peers: 2,
    failed_peers: 1,
    peers_limit: 1_048_576,
    held_packets: 3,
    held_bytes: 3840,
  });
  assert.equal(offloads.tun_udp.on, false);
  assert.equal(offloads.udp_gro.on, true);
  assert.equal(status.version, 1);
  assert.equal(status.program_version, "1.2.3");
  assert.equal(status.mtu_bytes, 1280);
  assert.equal(status.interface_name, "teredo");
});

test("statusDocument() rounds seconds to milliseconds and says by itself whether all is well", () => {
  const process = {
    ...sampleSnapshot().process,
    uptimeSeconds: 1.23456789,
    cpuSeconds: 0.000499,
  };
  const well = statusDocument(sampleSnapshot({ process, heartbeatAgeSeconds: 0.123456 }));
  assert.equal(well.process.uptime_seconds, 1.235);
  assert.equal(well.process.cpu_seconds, 0);
  assert.equal(well.heartbeat_age_seconds, 0.123);
  assert.deepEqual([well.alive, well.ready], [true, true]);
  const ill = statusDocument(sampleSnapshot({ checks: [OK, BAD], heartbeatAgeSeconds: 2 }));
  assert.deepEqual([ill.alive, ill.ready], [false, false]);
});

test("docs/status.schema.json names everything in lower snake case", () => {
  const names = (schema: unknown): string[] => {
    if (typeof schema !== "object" || schema === null) return [];
    const own = "properties" in schema ? Object.keys(schema.properties as object) : [];
    return [...own, ...Object.values(schema).flatMap(names)];
  };
  assert.ok(names(SCHEMA).length > 100);
  assert.deepEqual(names(SCHEMA).filter((name) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)), []);
});

test("docs/status.schema.json refuses what a status is not", () => {
  const status = statusDocument(sampleSnapshot());
  const { mtu_bytes: _, ...shorter } = status;
  const process = { ...status.process, pid: -1, started_at: "today" };
  const wrong = { ...shorter, version: 2, role: "host", extra: 1, process };
  assert.deepEqual(problemsOf(wrong).map((problem) => problem.split(":")[0]).sort(), [
    "$.extra",
    "$.mtu_bytes",
    "$.process.pid",
    "$.process.started_at",
    "$.role",
    "$.version",
  ]);
});

/** Changes of state, each of which a page tells at once, while numbers may be a moment old. */
const STATES: readonly (readonly [name: string, change: Parameters<typeof sampleSnapshot>[0]])[] = [
  ["a drain", { draining: true }],
  ["a check that fails", { checks: [OK, BAD] }],
  ["a reload", {
    reload: { ok: false, succeededAt: new Date(0), problems: ["p"], needsRestart: [] },
  }],
];

for (const [name, change] of STATES) {
  test(`createStatus() tells ${name} at once, and other numbers within a moment`, async () => {
    let snapshot = sampleSnapshot();
    let time = 1_000;
    const app = createStatus(() => snapshot, () => time);
    const told = async () =>
      await Promise.all(["/status", "/metrics"].map(async (it) => (await app.request(it)).text()));
    const before = await told();
    snapshot = { ...snapshot, logLinesDropped: 99 };
    assert.deepEqual(await told(), before);
    snapshot = { ...snapshot, ...change };
    const at = await told();
    assert.ok(at.every((it, i) => it !== before[i]), name);
    snapshot = { ...snapshot, logLinesDropped: 100 };
    assert.deepEqual(await told(), at);
    time += 100;
    assert.ok((await told()).every((it, i) => it !== at[i]));
  });
}

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
    const body = await response.json();
    assert.deepEqual(body, { version: 1, error: "Only GET and HEAD are answered here" });
    assert.deepEqual(problemsOf(body, "error"), []);
  });
}

for (const path of ["/peers", "/metrics/", "/status.php"]) {
  test(`createStatus() says that there is nothing at ${path}`, async () => {
    const response = await ask(path);
    assert.equal(response.status, 404);
    const body = await response.json();
    assert.deepEqual(problemsOf(body, "error"), []);
    assert.deepEqual(body, {
      version: 1,
      error: `There is nothing at ${path}`,
      paths: ["/", "/healthz", "/readyz", "/metrics", "/status"],
    });
  });
}

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

test("createStatus() tells a browser on a page what a program is told in JSON", async () => {
  const response = await ask("/a/<b>", {}, { headers: { Accept: BROWSER } });
  assert.equal(response.status, 404);
  assert.match(response.headers.get("content-type")!, /^text\/html; charset=UTF-8$/i);
  const page = await response.text();
  assert.match(page, /^<!doctype html><html lang="en">/);
  assert.match(page, /There is nothing at \/a\/(&lt;b&gt;|%3Cb%3E)/);
  // From /a/b, wherever a proxy has put it, to where the pages begin.
  assert.match(page, /href="\.\.\/status"/);
  assert.match(page, /href="\.\.\/assets\/style\.css"/);
});

for (
  const accept of ["*/*", "application/json", "text/plain", "text/html;q=0.1,application/json"]
) {
  test(`createStatus() tells who accepts ${accept} in JSON`, async () => {
    const response = await ask("/nothing", {}, { headers: { Accept: accept } });
    assert.match(response.headers.get("content-type")!, /^application\/json/);
  });
}

test("createStatus() serves what its pages load, and lets them load nothing else", async () => {
  const page = await (await ask("/x", {}, { headers: { Accept: BROWSER } })).text();
  const assets = [...page.matchAll(/(?:href|src)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path!);
  assert.ok(assets.length > 0);
  for (const path of assets) {
    const response = await ask(`/${path}`);
    assert.equal(response.status, 200, path);
    assert.ok((await response.text()).length > 0);
  }
  for (const path of ["/healthz", "/x", "/assets/style.css"]) {
    const { headers } = await ask(path, {}, { headers: { Accept: BROWSER } });
    const policy = headers.get("content-security-policy")!;
    assert.match(policy, /^default-src 'none'; /);
    assert.match(policy, /; frame-ancestors 'none'$/);
    assert.doesNotMatch(policy, /unsafe|\*|data:|http/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cache-control"), "no-store");
  }
});

test("createStatus() answers 503 with the reason when no snapshot can be made", async () => {
  const app = createStatus(() => {
    throw new Error("No snapshot");
  });
  const response = await app.request("/status");
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { version: 1, error: "No snapshot" });
});

test("createStatus() makes /metrics and /status once for all that ask within a tenth of a second", async () => {
  let now = 5_000;
  let taken = 0;
  const quiet = sampleSnapshot();
  const app = createStatus(() => ({ ...quiet, version: `${++taken}` }), () => now);
  const versions = async () => {
    const metrics = await (await app.request("/metrics")).text();
    const { program_version } = await (await app.request("/status")).json();
    return [/version="(\d+)"/.exec(metrics)![1], program_version];
  };
  const first = await versions();
  now += 99;
  assert.deepEqual(await versions(), first);
  now += 1;
  assert.deepEqual(await versions(), [`${taken - 1}`, `${taken}`]);
});
