import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import fc from "fast-check";
import { COUNTER_NAMES } from "#src/protocol/counters.ts";
import { DROP_NAMES } from "#src/protocol/drops.ts";
import { FAILURE_CELLS, FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";
import { formatExposition } from "#src/status/exposition.ts";
import { METRIC_HELP } from "#src/status/metric_help.ts";
import { counterMetric, metricsOf } from "#src/status/metrics.ts";
import { parseExposition } from "./exposition_parser.ts";
import { dated, sampleClientSnapshot, sampleSnapshot } from "./sample.ts";

const parsed = () => parseExposition(formatExposition(metricsOf(sampleSnapshot())));

test("metricsOf() gives text that a strict parser takes", () => {
  for (const [name, { help, samples }] of parsed()) {
    assert.match(name, /^(teredo|process)_[a-z0-9_]+$/);
    assert.ok(help.endsWith("."), name);
    assert.ok(samples.size > 0, name);
  }
});

test("metricsOf() ends the names of counters, and of nothing else, in _total", () => {
  for (const [name, { type }] of parsed()) {
    assert.equal(name.endsWith("_total"), type === "counter", name);
  }
});

test("metricsOf() exposes every counter with its own value", () => {
  const metrics = parsed();
  for (const [i, name] of COUNTER_NAMES.entries()) {
    assert.equal(metrics.get(counterMetric(name))?.samples.get(""), 1000 + i, name);
  }
});

test("metricsOf() exposes every drop reason with its own value, and no other", () => {
  const { samples } = parsed().get("teredo_drops_total")!;
  const reasons = DROP_NAMES.filter((name) => name !== "none");
  assert.equal(samples.size, reasons.length);
  for (const [i, reason] of reasons.entries()) {
    assert.equal(samples.get(`{reason="${reason}"}`), 2000 + i, reason);
  }
});

test("metricsOf() exposes every answer of the kernel, on each way out, with its own value", () => {
  const { samples } = parsed().get("teredo_send_failures_total")!;
  assert.equal(samples.size, FAILURE_CELLS);
  WAYS_OUT.forEach((to, i) =>
    FAILURE_NAMES.forEach((errno, k) =>
      assert.equal(samples.get(`{to="${to}",errno="${errno}"}`), 3000 + 100 * i + k)
    )
  );
});

const levels: readonly [string, number][] = [
  ["process_start_time_seconds", Date.parse("2026-11-23T06:00:00Z") / 1000],
  ["process_cpu_seconds_total", 1.75],
  ["process_resident_memory_bytes", 50_000_000],
  ["process_virtual_memory_bytes", 70_000_000],
  ["process_open_fds", 31],
  ["process_max_fds", 1024],
  ["teredo_ready", 1],
  ["teredo_draining", 0],
  ["teredo_heartbeat_age_seconds", 0.25],
  ["teredo_interface_mtu_bytes", 1280],
  ["teredo_peers", 7],
  ["teredo_trusted_peers", 5],
  ["teredo_resolving_peers", 2],
  ["teredo_failed_peers", 1],
  ["teredo_peers_limit", 1_048_576],
  ["teredo_held_packets", 3],
  ["teredo_held_bytes", 3840],
  ["teredo_fast_path_active", 1],
  ["teredo_fast_path_leases", 4],
  ["teredo_fast_path_leases_limit", 65_536],
  ["teredo_fast_path_leases_refused_total", 6],
];

for (const [name, want] of levels) {
  test(`metricsOf() gives ${name}`, () => {
    assert.equal(parsed().get(name)?.samples.get(""), want);
  });
}

test("metricsOf() tells which way packets passed in the kernel, and why others did not", () => {
  const metrics = parsed();
  assert.deepEqual([...metrics.get("teredo_fast_path_packets_total")!.samples], [
    ['{direction="up"}', 501],
    ['{direction="down"}', 502],
  ]);
  assert.deepEqual([...metrics.get("teredo_fast_path_left_alone_total")!.samples], [
    ['{reason="no_lease"}', 503],
    ['{reason="fragment"}', 504],
  ]);
});

test("metricsOf() of a daemon without a fast path says nothing of it", () => {
  const { fastPath: _, ...without } = sampleSnapshot();
  const names = metricsOf(without).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes("fast_path")), []);
});

test("metricsOf() labels what runs and which check fails", () => {
  const snapshot = sampleSnapshot({
    checks: [
      dated({ name: "tun", ok: false, detail: "" }),
      dated({ name: "route", ok: true, detail: "" }),
    ],
  });
  const metrics = parseExposition(formatExposition(metricsOf(snapshot)));
  const build = metrics.get("teredo_build_info")!.samples;
  assert.deepEqual([...build], [['{role="relay",version="1.2.3"}', 1]]);
  const checks = metrics.get("teredo_check_ok")!.samples;
  assert.deepEqual([...checks], [['{check="tun"}', 0], ['{check="route"}', 1]]);
  assert.equal(metrics.get("teredo_ready")!.samples.get(""), 0);
});

test("metricsOf() leaves out what a system does not tell of its processes", () => {
  const { virtualBytes: _, openFds: __, maxFds: ___, ...process } = sampleSnapshot().process;
  const metrics = parseExposition(formatExposition(metricsOf(sampleSnapshot({ process }))));
  assert.deepEqual([...metrics.keys()].filter((name) => name.startsWith("process_")), [
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
  ]);
});

test("formatExposition() escapes any label and help, and keeps any number", () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.string({ minLength: 1 }),
      fc.double(),
      (help, label, value) => {
        const samples = [{ labels: { a: label.replaceAll(/[\r]/g, "") }, value }];
        const safeHelp = "h" + help.replaceAll(/[\r\u2028\u2029]/g, "");
        const text = formatExposition([{ name: "m", type: "gauge", help: safeHelp, samples }]);
        const metric = parseExposition(text).get("m")!;
        const [read] = metric.samples.values();
        assert.ok(Object.is(read, value) || (read === 0 && value === 0));
      },
    ),
    { numRuns: 500 },
  );
});

test("METRIC_HELP explains every metric, and no other", () => {
  const all = new Set([...parsed().keys(), ...ofClient().keys()]);
  assert.deepEqual(Object.keys(METRIC_HELP).sort(), [...all].sort());
});

/** The first two columns of the table under a heading of docs/metrics.md. */
function rowsUnder(heading: string): (readonly [name: string, meaning: string])[] {
  const text = readFileSync("docs/metrics.md", "utf8");
  const section = text.split("\n## ").find((it) => it.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `no section ${heading}`);
  return [...section.matchAll(/^\| `([a-z0-9_]+)` +\| (.*?) +\|/gm)]
    .map(([, name, meaning]) => [name!, meaning!] as const);
}

const explained = (heading: string) => rowsUnder(heading).map(([name]) => name).sort();

test("docs/metrics.md explains every offload, and no other", () => {
  const samples = [...parsed().get("teredo_offload_enabled")!.samples];
  const features = samples.map(([labels]) => /feature="([a-z_]+)"/.exec(labels)![1]);
  assert.deepEqual(explained("Offloads"), features.sort());
  const on = samples.filter(([, value]) => value === 1).map(([labels]) => labels);
  assert.equal(on.length, 3, `all but one of the sample, not ${on}`);
});

const ofClient = (...[view]: Parameters<typeof sampleClientSnapshot>) =>
  parseExposition(formatExposition(metricsOf(sampleClientSnapshot(view))));

test("metricsOf() of a client tells its state, its servers and its peers", () => {
  const metrics = ofClient();
  const of = (name: string) => [...metrics.get(name)!.samples].filter(([, value]) => value !== 0);
  const used = '{server="198.51.100.1",name="teredo.example"}';
  assert.deepEqual(of("teredo_client_state"), [['{state="qualified"}', 1]]);
  assert.deepEqual(of("teredo_client_native"), [['{state="ok"}', 1]]);
  assert.deepEqual(of("teredo_client_server_up"), [[used, 1]]);
  assert.deepEqual(of("teredo_client_server_in_use"), [[used, 1]]);
  assert.deepEqual(of("teredo_client_server_rtt_seconds"), [[used, 0.0234567]]);
  assert.deepEqual(of("teredo_client_refresh_seconds"), [["", 30]]);
  assert.deepEqual(of("teredo_client_random_ports"), [["", 3]]);
  assert.deepEqual(of("teredo_client_deprecated_addresses"), [["", 1]]);
  assert.deepEqual(of("teredo_client_peers"), [
    ['{kind="native",path="direct"}', 11],
    ['{kind="client",path="random_port"}', 12],
  ]);
});

test("metricsOf() of a client without a server leaves out what there is none of", () => {
  const { server: _, ...view } = sampleClientSnapshot({ standbys: [], peers: [] }).client!;
  const snapshot = { ...sampleClientSnapshot(), client: view };
  const names = metricsOf(snapshot).map(({ name }) => name);
  assert.deepEqual(names.filter((it) => /server|client_peers/.test(it)), []);
});

test("metricsOf() of a relay says nothing of a client", () => {
  const names = metricsOf(sampleSnapshot()).map(({ name }) => name);
  assert.deepEqual(
    names.filter((it) => /client_(state|native|peers|server|refresh_)/.test(it)),
    [],
  );
});

test("metricsOf() keeps a hostile name of a server within its label", () => {
  const name = 'a"} 1\nteredo_ready 0 \\';
  const server = { ...sampleClientSnapshot().client!.server!, name };
  const text = formatExposition(metricsOf(sampleClientSnapshot({ server })));
  assert.equal(text.split("\n").filter((line) => line.startsWith("teredo_ready ")).length, 1);
  parseExposition(text);
});
