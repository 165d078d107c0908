import { COUNTER_NAMES, type CounterName } from "#src/protocol/counters.ts";
import { FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";
import { clientMetrics } from "./client_metrics.ts";
import type { Metric, Sample } from "./exposition.ts";
import { METRIC_HELP, type MetricName } from "./metric_help.ts";
import {
  type DropReason,
  isReady,
  OFFLOAD_NAMES,
  type OffloadName,
  type ProcessState,
  type RestoredPart,
  type Snapshot,
} from "./snapshot.ts";

/** Name in the exposition of a counter. */
export function counterMetric<N extends CounterName>(name: N): `teredo_${N}_total` {
  return `teredo_${name}_total`;
}

/** Everything that `GET /metrics` gives, in a fixed order. docs/metrics.md lists it. */
export function metricsOf(snapshot: Snapshot): Metric[] {
  return [
    ...identity(snapshot),
    ...health(snapshot),
    ...means(snapshot),
    ...levels(snapshot),
    ...fastPath(snapshot),
    ...sandbox(snapshot),
    ...(snapshot.client === undefined ? [] : clientMetrics(snapshot.client)),
    ...COUNTER_NAMES.map((name) => one(counterMetric(name), snapshot.counters[name])),
    drops(snapshot),
    failures(snapshot),
    restored(snapshot),
    one("teredo_config_last_reload_successful", Number(snapshot.reload.ok)),
    one(
      "teredo_config_last_reload_success_timestamp_seconds",
      snapshot.reload.succeededAt.getTime() / 1000,
    ),
    one("teredo_log_lines_dropped_total", snapshot.logLinesDropped),
  ];
}

function metric(name: MetricName, samples: readonly Sample[]): Metric {
  const { type, help } = METRIC_HELP[name];
  return { name, type, help, samples };
}

const one = (name: MetricName, value: number): Metric => metric(name, [{ value }]);

/** What the system does not tell is left out. */
const known = (name: MetricName, value: number | undefined): Metric[] =>
  value === undefined ? [] : [one(name, value)];

function identity({ role, version, process }: Snapshot): Metric[] {
  return [
    metric("teredo_build_info", [{ labels: { role, version }, value: 1 }]),
    ...processMetrics(process),
  ];
}

function processMetrics(state: ProcessState): Metric[] {
  return [
    one("process_start_time_seconds", state.startedAt.getTime() / 1000),
    one("process_cpu_seconds_total", state.cpuSeconds),
    one("process_resident_memory_bytes", state.residentBytes),
    ...known("process_virtual_memory_bytes", state.virtualBytes),
    ...known("process_open_fds", state.openFds),
    ...known("process_max_fds", state.maxFds),
  ];
}

function health(snapshot: Snapshot): Metric[] {
  const { announced, kept } = snapshot;
  const checks = snapshot.checks.map(({ name, ok }) => ({
    labels: { check: name },
    value: Number(ok),
  }));
  return [
    one("teredo_ready", Number(isReady(snapshot))),
    metric("teredo_check_ok", checks),
    one("teredo_draining", Number(snapshot.draining)),
    ...known("teredo_announced", announced === undefined ? undefined : Number(announced)),
    one("teredo_heartbeat_age_seconds", snapshot.heartbeatAgeSeconds),
    one("teredo_interface_mtu_bytes", snapshot.mtu),
    ...known("teredo_interface_kept", kept === undefined ? undefined : Number(kept)),
  ];
}

function means({ workers, offloads }: Snapshot): Metric[] {
  const features = (Object.keys(offloads) as OffloadName[]).map((name) => ({
    labels: { feature: OFFLOAD_NAMES[name] },
    value: Number(offloads[name].on),
  }));
  return [one("teredo_workers", workers.count), metric("teredo_offload_enabled", features)];
}

function levels({ gauges }: Snapshot): Metric[] {
  return [
    one("teredo_peers", gauges.peers),
    one("teredo_trusted_peers", gauges.peersTrusted),
    one("teredo_resolving_peers", gauges.peersResolving),
    one("teredo_failed_peers", gauges.peersFailed),
    one("teredo_peers_limit", gauges.peersLimit),
    one("teredo_held_packets", gauges.heldPackets),
    one("teredo_held_bytes", gauges.heldBytes),
  ];
}

/** A server lends no peers. */
function fastPath({ role, fastPath }: Snapshot): Metric[] {
  if (fastPath === undefined) return [];
  const { on, leases, leasesLimit, leasesRefused, up, down, leftAlone } = fastPath;
  const packets = Object.entries({ up, down });
  return [
    one("teredo_fast_path_active", Number(on)),
    ...(role === "server" ? [] : [
      one("teredo_fast_path_leases", leases),
      one("teredo_fast_path_leases_limit", leasesLimit),
      one("teredo_fast_path_leases_refused_total", leasesRefused),
    ]),
    metric(
      "teredo_fast_path_packets_total",
      packets.map(([direction, value]) => ({ labels: { direction }, value })),
    ),
    metric(
      "teredo_fast_path_left_alone_total",
      Object.entries(leftAlone).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
  ];
}

function sandbox({ sandbox: { layers, violations } }: Snapshot): Metric[] {
  const samples = layers.map(({ name, holds }) => ({
    labels: { layer: name },
    value: Number(holds),
  }));
  return [
    metric("teredo_sandbox_layer", samples),
    one("teredo_sandbox_violations_total", violations),
  ];
}

function drops(snapshot: Snapshot): Metric {
  const reasons = Object.keys(snapshot.drops) as DropReason[];
  const samples = reasons.map((reason) => ({ labels: { reason }, value: snapshot.drops[reason] }));
  return metric("teredo_drops_total", samples);
}

function failures(snapshot: Snapshot): Metric {
  const samples = WAYS_OUT.flatMap((to) =>
    FAILURE_NAMES.map((errno) => ({ labels: { to, errno }, value: snapshot.failures[to][errno] }))
  );
  return metric("teredo_send_failures_total", samples);
}

function restored(snapshot: Snapshot): Metric {
  const parts = Object.keys(snapshot.restored) as RestoredPart[];
  const samples = parts.map((what) => ({ labels: { what }, value: snapshot.restored[what] }));
  return metric("teredo_restored_total", samples);
}
