import type { Metric, Sample } from "./exposition.ts";
import { METRIC_HELP, type MetricName } from "./metric_help.ts";
import { CLIENT_STATES, type ClientView, type ServerView } from "./snapshot.ts";

const NATIVE = ["unknown", "ok", "unreachable"] as const;

/** What `GET /metrics` tells of a client alone; its totals are among the counters. */
export function clientMetrics(view: ClientView): Metric[] {
  const { server, standbys, refresh, native, state, peers, randomPorts } = view;
  const servers = [...(server === undefined ? [] : [server]), ...standbys];
  const each = (value: (it: ServerView) => number): Sample[] =>
    servers.map((it) => ({ labels: { server: it.primary, name: it.name }, value: value(it) }));
  const timed = servers.filter(({ rttSeconds }) => rttSeconds !== undefined);
  return [
    metric(
      "teredo_client_state",
      CLIENT_STATES.map((it) => ({ labels: { state: it }, value: Number(it === state) })),
    ),
    ...some("teredo_client_server_up", each(({ live }) => Number(live))),
    ...some("teredo_client_server_in_use", each((it) => Number(it === server))),
    ...some(
      "teredo_client_server_rtt_seconds",
      timed.map(({ primary, name, rttSeconds }) => ({
        labels: { server: primary, name },
        value: rttSeconds!,
      })),
    ),
    metric(
      "teredo_client_native",
      NATIVE.map((it) => ({ labels: { state: it }, value: Number(it === native) })),
    ),
    metric("teredo_client_refresh_seconds", [{ value: refresh.intervalSeconds }]),
    metric("teredo_client_deprecated_addresses", [{ value: view.deprecated.length }]),
    ...some(
      "teredo_client_peers",
      peers.map(({ kind, path, count }) => ({ labels: { kind, path }, value: count })),
    ),
    metric("teredo_client_random_ports", [{ value: randomPorts }]),
  ];
}

function metric(name: MetricName, samples: readonly Sample[]): Metric {
  const { type, help } = METRIC_HELP[name];
  return { name, type, help, samples };
}

/** Of what there is none nothing is told. */
const some = (name: MetricName, samples: readonly Sample[]): Metric[] =>
  samples.length === 0 ? [] : [metric(name, samples)];
