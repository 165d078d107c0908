import { KEPT } from "#src/datapath/keep/contract.ts";
import { COUNTER_NAMES, type CounterName } from "#src/protocol/counters.ts";
import { DROP_NAMES } from "#src/protocol/drops.ts";
import { FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";
import type {
  ClientView,
  DatedCheck,
  DropReason,
  ReadinessCheck,
  SendFailures,
  Snapshot,
} from "#src/status/snapshot.ts";

const SINCE = new Date("2026-11-20T06:00:00.000Z");

/** A check that has long been as it is. */
export function dated(check: ReadinessCheck): DatedCheck {
  return { ...check, since: SINCE };
}

/** A snapshot in which every number is another one, so that none can stand in for another. */
export function sampleSnapshot(changes: Partial<Snapshot> = {}): Snapshot {
  const counters = Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, 1000 + i]));
  const reasons = DROP_NAMES.filter((name) => name !== "none");
  const drops = Object.fromEntries(reasons.map((name, i) => [name, 2000 + i]));
  const failures = Object.fromEntries(
    WAYS_OUT.map((way, i) => [
      way,
      Object.fromEntries(FAILURE_NAMES.map((name, k) => [name, 3000 + 100 * i + k])),
    ]),
  );
  return {
    role: "relay",
    version: "1.2.3",
    process: {
      pid: 4242,
      startedAt: new Date("2026-11-23T06:00:00.000Z"),
      uptimeSeconds: 12.5,
      cpuSeconds: 1.75,
      residentBytes: 50_000_000,
      virtualBytes: 70_000_000,
      openFds: 31,
      maxFds: 1024,
    },
    heartbeatAgeSeconds: 0.25,
    draining: false,
    announced: true,
    kept: true,
    listening: ["0.0.0.0:3545"],
    interfaceName: "teredo",
    mtu: 1280,
    prefix: "2001::/32",
    sentence: "Ready for 3 days: 7 peers, 41 Mbit/s up, 3 Mbit/s down",
    changes: [{ time: SINCE, kind: "reloaded", text: "Reloaded: /etc/teredo.ini, count 2" }],
    warnings: [{
      time: SINCE,
      level: "warn",
      text: "Packets dropped: send_failed",
      mend: "see it",
      count: 5,
    }],
    checks: [dated({ name: "datapath", ok: true, detail: "alive" })],
    workers: { count: 2, reason: "workers = 2" },
    offloads: {
      tun: { on: true },
      tunUdp: { on: false, note: "the kernel has no USO for TUN; Linux 6.2 has" },
      udpGro: { on: true },
      udpSegment: { on: true },
    },
    fastPath: {
      on: true,
      leases: 4,
      leasesLimit: 65_536,
      leasesRefused: 6,
      up: 501,
      down: 502,
      leftAlone: { no_lease: 503, fragment: 504 },
    },
    sandbox: {
      mode: "auto",
      layers: [
        { name: "capabilities", holds: true, note: "keeps CAP_NET_ADMIN" },
        { name: "landlock", holds: false, note: "the kernel has no Landlock" },
        { name: "seccomp", holds: true },
      ],
      violations: 77,
    },
    gauges: {
      peers: 7,
      peersTrusted: 5,
      peersResolving: 2,
      peersFailed: 1,
      peersLimit: 1_048_576,
      heldPackets: 3,
      heldBytes: 3840,
    },
    counters: counters as Record<CounterName, number>,
    drops: drops as Record<DropReason, number>,
    failures: failures as SendFailures,
    restored: Object.fromEntries(KEPT.map((what, i) => [what, 3000 + i])) as Snapshot["restored"],
    reload: {
      ok: false,
      succeededAt: new Date("2026-01-02T03:04:05.678Z"),
      problems: ["teredo.ini:2: bind_port: `x` is not a whole number; write it in decimal digits"],
      needsRestart: ["relay.bind_port"],
      confirmBy: new Date("2026-01-02T03:05:05.678Z"),
    },
    logLinesDropped: 4000,
    ...changes,
  };
}

/** A client that is qualified, every number of it another one. */
export function sampleClient(changes: Partial<ClientView> = {}): ClientView {
  return {
    state: "qualified",
    since: SINCE,
    address: "2001:0:c633:6401:0:ce2b:39cd:fef8",
    deprecated: ["2001:0:c633:6402:0:ce2b:39cd:fef8"],
    server: {
      name: "teredo.example",
      primary: "198.51.100.1",
      secondary: "198.51.100.2",
      live: true,
      rttSeconds: 0.0234567,
      native: "ok",
      keyRefused: false,
    },
    standbys: [{
      name: "192.0.2.9",
      primary: "192.0.2.9",
      secondary: "192.0.2.10",
      live: false,
      native: "unknown",
      keyRefused: true,
    }],
    unresolved: [{ name: "gone.example", why: "no such name" }],
    mapped: "198.51.100.7:12756",
    local: "192.168.1.2:40001",
    nat: "symmetric-port",
    filtering: "unknown",
    portPreserving: false,
    portMapping: "nat-pmp",
    mtu: 1280,
    refresh: { intervalSeconds: 30, next: new Date("2026-11-23T06:00:41.500Z") },
    native: "ok",
    lastChange: { reason: "the mapping is another one", at: SINCE },
    randomPorts: 3,
    peers: [
      { kind: "native", path: "direct", count: 11 },
      { kind: "client", path: "random_port", count: 12 },
    ],
    ...changes,
  };
}

/** Of a client, with what a client has. */
export function sampleClientSnapshot(
  view: Partial<ClientView> = {},
  changes: Partial<Snapshot> = {},
): Snapshot {
  const { fastPath: _, ...snapshot } = sampleSnapshot({ role: "client", ...changes });
  return { ...snapshot, client: sampleClient(view) };
}
