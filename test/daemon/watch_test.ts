import assert from "node:assert/strict";
import test from "node:test";
import { loadConfig } from "#src/config/load.ts";
import { readinessOf, type Served } from "#src/daemon/readiness.ts";
import { DaemonState } from "#src/daemon/state.ts";
import { Watch } from "#src/daemon/watch.ts";
import type { Datapath, OpenRole } from "#src/datapath/datapath.ts";
import { NO_OFFLOADS, reportOffloads, SEGMENT_REFUSED } from "#src/datapath/offloads.ts";
import { LimitedLog } from "#src/log/limited.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt, type Level } from "#src/log/record.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { createStatus } from "#src/status/app.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";
import {
  emptyFile,
  type Facts,
  fakeHost,
  PRIMARY_ADDRESS,
  relayConfig,
  serverConfig,
  UPLINK,
} from "./checks/fake_host.ts";

const OPEN: OpenRole = {
  listening: ["0.0.0.0:3545"],
  interfaceName: "teredo",
  workers: { count: 1, reason: "workers = 1" },
  offloads: reportOffloads(NO_OFFLOADS, false),
  notices: [],
  start: () => Promise.reject(new Error("Not here")),
  close: () => {},
};

const datapath = (age: number): Datapath => ({
  counters: () => makeCounters(),
  segmentRefused: () => false,
  levels: () => ({ peers: 0, peersTrusted: 0, heldPackets: 0, heldBytes: 0 }),
  heartbeatAge: () => age,
  ended: Promise.resolve(),
  stop: () => Promise.resolve(),
  setServed: () => {},
});

const TUNNEL = { ...UPLINK, name: "teredo", ipv4: [], mtu: 1280 };

interface Case {
  readonly name: string;
  readonly facts?: Facts;
  readonly served?: Partial<Served>;
  /** `name: detail` of the checks that fail. */
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  { name: "all is well", want: [] },
  {
    name: "the datapath is stuck",
    served: { datapath: datapath(2_000) },
    want: ["datapath: no sign of life"],
  },
  { name: "the daemon is ending", served: { draining: true }, want: ["serving: draining"] },
  {
    name: "the interface is gone",
    facts: { interfaces: () => [UPLINK], routeTo: () => "eth0" },
    want: ["interface: teredo is gone", "route: it leads to eth0"],
  },
  {
    name: "the interface is down",
    facts: { interfaces: () => [{ ...TUNNEL, up: false }], routeTo: () => undefined },
    want: ["interface: teredo is down", "route: the prefix leads nowhere"],
  },
  {
    name: "the interface lost its address",
    facts: { interfaces: () => [{ ...TUNNEL, hasLinkLocal: false }] },
    want: ["interface: teredo has no link-local address"],
  },
  {
    name: "forwarding went off",
    facts: { variables: { "net/ipv6/conf/all/forwarding": "0" } },
    want: ["forwarding: net.ipv6.conf.all.forwarding is not 1"],
  },
  {
    name: "forwarding is off in a relay that serves its own host",
    facts: { variables: { "net/ipv6/conf/all/forwarding": "0" } },
    served: { relay: relayConfig({ served: "self" }) },
    want: [],
  },
  {
    name: "an address it is bound to has left the host",
    facts: { interfaces: () => [{ ...UPLINK, ipv4: [PRIMARY_ADDRESS] }] },
    served: {
      role: "server",
      open: { ...OPEN, listening: ["198.51.100.1:3544", "198.51.100.2:3544"] },
    },
    want: ["sockets: 198.51.100.2 is no longer on this host"],
  },
  {
    name: "a server has neither interface nor forwarding",
    facts: { interfaces: () => [], variables: { "net/ipv6/conf/all/forwarding": "0" } },
    served: { role: "server" },
    want: [],
  },
];

for (const { name, facts, served, want } of cases) {
  test(`readinessOf() when ${name}`, () => {
    const host = fakeHost({ interfaces: () => [UPLINK, TUNNEL], ...facts });
    const base = {
      role: "relay",
      relay: relayConfig(),
      server: serverConfig(),
      open: OPEN,
      datapath: datapath(10),
    } as const;
    const checks = readinessOf(host, { ...base, draining: false, ...served });
    const failed = checks.filter((check) => !check.ok).map((it) => `${it.name}: ${it.detail}`);
    assert.deepEqual(failed, want);
  });
}

test("DaemonState: until the last worker is there, the status pages say that it is starting", async () => {
  const { config } = loadConfig("relay", { path: "r.ini", readFile: emptyFile });
  const host = fakeHost({ interfaces: () => [UPLINK, TUNNEL] });
  const state = new DaemonState("relay", "1", config, host);
  const app = createStatus(state.read);
  for (const path of ["/healthz", "/readyz", "/metrics", "/status"]) {
    const answer = await app.request(path);
    assert.equal(answer.status, 503, path);
    assert.deepEqual(await answer.json(), { version: 1, error: "The daemon is starting" });
  }
  state.serve(OPEN, datapath(10));
  assert.equal((await app.request("/readyz")).status, 200);
  state.drain();
  assert.equal((await app.request("/readyz")).status, 503);
  assert.equal((await app.request("/healthz")).status, 200);
});

function watching(): { watch: Watch; lines: string[] } {
  const lines: string[] = [];
  const sink = (_: Level, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const limits = { burst: 2, interval: 1000, maxKeys: 8, now: () => 0 };
  return { watch: new Watch(log, new LimitedLog(log, limits), sampleSnapshot()), lines };
}

const withCheck = (ok: boolean, detail: string): Partial<Snapshot> => ({
  checks: [{ name: "route", ok, detail }],
});

test("Watch.look() logs a check once when it turns, either way", () => {
  const { watch, lines } = watching();
  watch.look(sampleSnapshot(withCheck(true, "a")));
  watch.look(sampleSnapshot(withCheck(false, "b")));
  watch.look(sampleSnapshot(withCheck(false, "c")));
  watch.look(sampleSnapshot(withCheck(true, "d")));
  assert.deepEqual(lines, [
    'level=warn msg="Not ready" check=route detail=b',
    'level=info msg="Ready again" check=route detail=d',
  ]);
});

test("Watch.look() logs no check that fails because the daemon is ending", () => {
  const { watch, lines } = watching();
  watch.look(sampleSnapshot({ ...withCheck(false, "draining"), draining: true }));
  assert.deepEqual(lines, []);
});

test("Watch.look() logs drops that are this machine's doing, and bounds the lines", () => {
  const { watch, lines } = watching();
  const drops = sampleSnapshot().drops;
  const later = (n: number): Partial<Snapshot> => ({
    drops: { ...drops, socket_overflow: drops.socket_overflow + n, bad_token: drops.bad_token + n },
  });
  for (const n of [0, 0, 3, 4, 9, 20]) watch.look(sampleSnapshot(later(n)));
  assert.deepEqual(lines, [
    'level=warn msg="Packets dropped" reason=socket_overflow count=3',
    'level=warn msg="Packets dropped" reason=socket_overflow count=1',
  ]);
});

test("Watch.look() says at its first look what went wrong since the daemon began to serve", () => {
  const { watch, lines } = watching();
  const { drops, offloads } = sampleSnapshot();
  watch.look(
    sampleSnapshot({
      drops: { ...drops, send_failed: drops.send_failed + 2 },
      offloads: { ...offloads, udpSegment: SEGMENT_REFUSED },
    }),
  );
  assert.deepEqual(lines, [
    'level=warn msg="Packets dropped" reason=send_failed count=2',
    `level=info msg="Offload given up" offload=udp_segment reason="${SEGMENT_REFUSED.note}"`,
  ]);
});

test("Watch.look() says once that an offload was given up, and why", () => {
  const { watch, lines } = watching();
  const { offloads } = sampleSnapshot();
  const refused = { ...offloads, udpSegment: SEGMENT_REFUSED };
  for (const now of [offloads, offloads, refused, refused]) {
    watch.look(sampleSnapshot({ offloads: now }));
  }
  assert.deepEqual(lines, [
    `level=info msg="Offload given up" offload=udp_segment reason="${SEGMENT_REFUSED.note}"`,
  ]);
});
