/** The dashboard for Grafana, made from the table of metrics; scripts/docs.ts writes it. */
import { METRIC_HELP, type MetricName } from "#src/status/metric_help.ts";

interface Panel {
  readonly title: string;
  /** Of one unit; each is in one panel. */
  readonly metrics: readonly MetricName[];
  /** Label by which its lines are told apart beside the target. */
  readonly by?: string;
  /** In place of what is made from type and unit. */
  readonly query?: string;
  readonly unit?: string;
}

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  Health: [
    { title: "Ready", metrics: ["teredo_ready", "teredo_draining"] },
    { title: "Readiness checks", metrics: ["teredo_check_ok"], by: "check" },
    { title: "Age of the heartbeat", metrics: ["teredo_heartbeat_age_seconds"] },
    {
      title: "Versions",
      metrics: ["teredo_build_info"],
      query: "count by (role, version) (teredo_build_info{SELECTOR})",
    },
    {
      title: "Time since the start",
      metrics: ["process_start_time_seconds"],
      query:
        "time() - (process_start_time_seconds{SELECTOR} and on (job, instance) teredo_build_info)",
    },
  ],
  Traffic: [
    {
      title: "Bytes",
      metrics: [
        "teredo_udp_received_bytes_total",
        "teredo_udp_sent_bytes_total",
        "teredo_ipv6_received_bytes_total",
        "teredo_ipv6_sent_bytes_total",
      ],
    },
    {
      title: "Packets",
      metrics: [
        "teredo_udp_received_datagrams_total",
        "teredo_udp_sent_datagrams_total",
        "teredo_ipv6_received_packets_total",
        "teredo_ipv6_sent_packets_total",
        "teredo_udp_sent_from_other_total",
        "teredo_link_messages_total",
      ],
    },
    { title: "Drops by reason", metrics: ["teredo_drops_total"], by: "reason" },
    { title: "What the kernel refused", metrics: ["teredo_send_failures_total"], by: "errno" },
  ],
  Clients: [
    {
      title: "Peers",
      metrics: [
        "teredo_peers",
        "teredo_trusted_peers",
        "teredo_resolving_peers",
        "teredo_failed_peers",
        "teredo_peers_limit",
      ],
    },
    {
      title: "Peers that come and go",
      metrics: [
        "teredo_peers_created_total",
        "teredo_peers_trusted_total",
        "teredo_peers_expired_total",
        "teredo_peers_failed_total",
        "teredo_peers_evicted_total",
      ],
    },
    {
      title: "Bubbles",
      metrics: [
        "teredo_bubbles_received_total",
        "teredo_bubbles_sent_direct_total",
        "teredo_bubbles_sent_indirect_total",
        "teredo_bubbles_sent_challenge_total",
        "teredo_bubbles_sent_refresh_total",
        "teredo_bubbles_answered_total",
      ],
    },
    { title: "Packets held", metrics: ["teredo_held_packets"] },
    { title: "Bytes held", metrics: ["teredo_held_bytes"] },
    {
      title: "Packets held and released",
      metrics: ["teredo_packets_held_total", "teredo_packets_released_total"],
    },
    {
      title: "ICMPv6 errors",
      metrics: ["teredo_icmpv6_errors_sent_total", "teredo_icmpv6_errors_suppressed_total"],
    },
  ],
  "Fast path": [
    { title: "In use", metrics: ["teredo_fast_path_active"] },
    {
      title: "Peers lent to the kernel",
      metrics: ["teredo_fast_path_leases", "teredo_fast_path_leases_limit"],
    },
    { title: "Packets passed", metrics: ["teredo_fast_path_packets_total"], by: "direction" },
    { title: "Packets left alone", metrics: ["teredo_fast_path_left_alone_total"], by: "reason" },
    { title: "Peers not lent", metrics: ["teredo_fast_path_leases_refused_total"] },
  ],
  Server: [
    {
      title: "Solicitations and advertisements",
      metrics: ["teredo_solicitations_received_total", "teredo_advertisements_sent_total"],
    },
    {
      title: "Passed on",
      metrics: [
        "teredo_bubbles_forwarded_total",
        "teredo_icmpv6_forwarded_total",
        "teredo_native_forwarded_total",
        "teredo_echoes_answered_total",
      ],
    },
  ],
  Client: [
    {
      title: "State",
      metrics: ["teredo_client_state"],
      by: "state",
      query: "teredo_client_state{SELECTOR} == 1",
    },
    {
      title: "Native hosts answer",
      metrics: ["teredo_client_native"],
      by: "state",
      query: "teredo_client_native{SELECTOR} == 1",
    },
    { title: "Servers that answer", metrics: ["teredo_client_server_up"], by: "server" },
    { title: "Server in use", metrics: ["teredo_client_server_in_use"], by: "server" },
    {
      title: "Round trip to servers",
      metrics: ["teredo_client_server_rtt_seconds"],
      by: "server",
    },
    {
      title: "Changes",
      metrics: [
        "teredo_client_qualifications_total",
        "teredo_client_address_changes_total",
        "teredo_client_failovers_total",
      ],
    },
    {
      title: "Asked of servers",
      metrics: ["teredo_client_solicitations_total", "teredo_client_echo_tests_total"],
    },
    { title: "Peers by kind and path", metrics: ["teredo_client_peers"], by: "kind}} {{path" },
    { title: "Random ports", metrics: ["teredo_client_random_ports"] },
    { title: "Refresh interval", metrics: ["teredo_client_refresh_seconds"] },
    { title: "Deprecated addresses", metrics: ["teredo_client_deprecated_addresses"] },
  ],
  Machine: [
    { title: "Processor", metrics: ["process_cpu_seconds_total"], unit: "percentunit" },
    {
      title: "Memory",
      metrics: ["process_resident_memory_bytes", "process_virtual_memory_bytes"],
    },
    { title: "File descriptors", metrics: ["process_open_fds", "process_max_fds"] },
    { title: "Workers", metrics: ["teredo_workers"] },
    { title: "Offloads in use", metrics: ["teredo_offload_enabled"], by: "feature" },
    { title: "Parts of the interface restored", metrics: ["teredo_restored_total"], by: "what" },
    { title: "Interface kept", metrics: ["teredo_interface_kept"] },
    { title: "MTU", metrics: ["teredo_interface_mtu_bytes"] },
  ],
};

const SELECTOR = 'job=~"$job",instance=~"$instance"';
const SOURCE = { type: "prometheus", uid: "$source" };
const [ACROSS, WIDTH, HEIGHT] = [3, 8, 7];
/** Grafana's names. */
const UNITS: Readonly<Record<string, string>> = { s: "s", bytes: "bytes", "0, 1": "bool" };

const PLACED = new Set(Object.values(ROWS).flat().flatMap(({ metrics }) => metrics));
/** What has no place above has a panel of its own. */
const REST = (Object.keys(METRIC_HELP) as MetricName[]).filter((name) => !PLACED.has(name))
  .map((name): Panel => ({ title: titleOf(name), metrics: [name] }));

function titleOf(name: MetricName): string {
  const words = name.replace(/^teredo_|_total$/g, "").replaceAll("_", " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function queryOf(name: MetricName, { by, query }: Panel): string {
  if (query !== undefined) return query.replace("SELECTOR", SELECTOR);
  if (METRIC_HELP[name].type === "gauge") return `${name}{${SELECTOR}}`;
  const labels = ["instance", ...(by === undefined ? [] : [by])].join(", ");
  return `sum by (${labels}) (rate(${name}{${SELECTOR}}[$__rate_interval]))`;
}

function legendOf(name: MetricName, { by, metrics, query }: Panel): string {
  if (query?.startsWith("count")) return "{{role}} {{version}}";
  const words = titleOf(name).toLowerCase();
  const what = by === undefined ? (metrics.length > 1 ? ` ${words}` : "") : ` {{${by}}}`;
  return `{{instance}}${what}`;
}

function unitOf(panel: Panel): string {
  const { type, unit } = METRIC_HELP[panel.metrics[0]!];
  if (panel.unit !== undefined) return panel.unit;
  if (type === "gauge") return UNITS[unit] ?? "short";
  return unit === "bytes" ? "Bps" : "cps";
}

const panelOf = (panel: Panel, at: number, y: number) => ({
  type: "timeseries",
  title: panel.title,
  description: panel.metrics.map((name) => {
    const { help, look } = METRIC_HELP[name];
    return `${name}: ${help}${look === undefined ? "" : ` Look into: ${look}.`}`;
  }).join("\n\n"),
  datasource: SOURCE,
  gridPos: {
    x: (at % ACROSS) * WIDTH,
    y: y + Math.floor(at / ACROSS) * HEIGHT,
    w: WIDTH,
    h: HEIGHT,
  },
  fieldConfig: { defaults: { unit: unitOf(panel), min: 0 }, overrides: [] },
  options: { tooltip: { mode: "multi", sort: "desc" } },
  targets: panel.metrics.map((name, i) => ({
    refId: String.fromCharCode(65 + i),
    datasource: SOURCE,
    expr: queryOf(name, panel),
    legendFormat: legendOf(name, panel),
  })),
});

function panels(): object[] {
  let y = 0;
  const all = REST.length === 0 ? ROWS : { ...ROWS, More: REST };
  const made = Object.entries(all).flatMap(([title, row]) => {
    const head = {
      type: "row",
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    };
    const under = row.map((panel, at) => panelOf(panel, at, y + 1));
    y += 1 + Math.ceil(row.length / ACROSS) * HEIGHT;
    return [head, ...under];
  });
  return made.map((panel, i) => ({ id: i + 1, ...panel }));
}

const choice = (name: string, of: string) => ({
  type: "query",
  name,
  datasource: SOURCE,
  query: { query: of, refId: name },
  multi: true,
  includeAll: true,
  current: { text: "All", value: "$__all" },
  refresh: 2,
});

/** JSON for Grafana's import. */
export function dashboard(): string {
  const document = {
    title: "Teredo",
    uid: "teredo",
    tags: ["teredo"],
    description: "Made from src/status/metric_help.ts by scripts/dashboard.ts.",
    schemaVersion: 39,
    editable: true,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    templating: {
      list: [
        { type: "datasource", name: "source", query: "prometheus", label: "Data source" },
        choice("job", "label_values(teredo_build_info, job)"),
        choice("instance", 'label_values(teredo_build_info{job=~"$job"}, instance)'),
      ],
    },
    panels: panels(),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
