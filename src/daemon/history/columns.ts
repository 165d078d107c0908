import { DROP_NAMES } from "#src/protocol/drops.ts";
import type {
  ClientSeries,
  CommonSeries,
  RelaySeries,
  SeriesName,
  ServerSeries,
} from "#src/status/history_document.ts";
import type { DropReason, Snapshot } from "#src/status/snapshot.ts";

/** One number of each row. */
export interface Column {
  readonly name: SeriesName;
  /** A total, of which a row has the growth in a second; or a level, of which it has the last. */
  readonly kind: "rate" | "level";
  readonly of: (snapshot: Snapshot) => number;
}

type Source = (snapshot: Snapshot) => number;

const DROP_REASONS = DROP_NAMES.filter((name): name is DropReason => name !== "none");

const COMMON: Record<Exclude<CommonSeries, `${string}_up` | `${string}_down`>, Source> = {
  drops: ({ drops }) => DROP_REASONS.reduce((sum, reason) => sum + drops[reason], 0),
  cpu: ({ process }) => process.cpuSeconds,
};

type Ways = Record<Extract<CommonSeries, `${string}_up` | `${string}_down`>, Source>;

/** What leaves it on either side: bubbles are among it, what is dropped is not. */
const RELAY_WAYS: Ways = {
  bits_up: ({ counters }) => 8 * counters.ipv6_sent_bytes,
  bits_down: ({ counters }) => 8 * counters.udp_sent_bytes,
  packets_up: ({ counters }) => counters.ipv6_sent_packets,
  packets_down: ({ counters }) => counters.udp_sent_datagrams,
};

/** It has one side alone. */
const SERVER_WAYS: Ways = {
  ...RELAY_WAYS,
  bits_up: ({ counters }) => 8 * counters.udp_received_bytes,
  packets_up: ({ counters }) => counters.udp_received_datagrams,
};

/** Up is what it sends, and down what it gets. */
const CLIENT_WAYS: Ways = {
  bits_up: ({ counters }) => 8 * counters.udp_sent_bytes,
  bits_down: ({ counters }) => 8 * counters.ipv6_sent_bytes,
  packets_up: ({ counters }) => counters.udp_sent_datagrams,
  packets_down: ({ counters }) => counters.ipv6_sent_packets,
};

type Level = Extract<RelaySeries, `peers_${string}`>;

/** No peer is in two of them. */
const LEVELS: Record<Level, Source> = {
  peers_trusted: ({ gauges }) => gauges.peers - gauges.peersResolving - gauges.peersFailed,
  peers_resolving: ({ gauges }) => gauges.peersResolving,
  peers_failed: ({ gauges }) => gauges.peersFailed,
};

const RELAY: Record<Exclude<RelaySeries, Level>, Source> = {
  new_peers: ({ counters }) => counters.peers_created,
  bubbles_sent: ({ counters }) =>
    counters.bubbles_sent_direct + counters.bubbles_sent_indirect + counters.bubbles_sent_challenge,
  bubbles_answered: ({ counters }) => counters.bubbles_answered,
};

const SERVER: Record<ServerSeries, Source> = {
  solicitations_cone: ({ counters }) => counters.solicitations_cone,
  solicitations_restricted: ({ counters }) =>
    counters.solicitations_received - counters.solicitations_cone -
    counters.solicitations_secondary,
  solicitations_secondary: ({ counters }) => counters.solicitations_secondary,
  advertisements: ({ counters }) => counters.advertisements_sent,
  bubbles_forwarded: ({ counters }) => counters.bubbles_forwarded,
  icmpv6_forwarded: ({ counters }) => counters.icmpv6_forwarded,
  native_forwarded: ({ counters }) => counters.native_forwarded,
};

type ClientLevel = Extract<ClientSeries, "server_rtt">;

const CLIENT_LEVELS: Record<ClientLevel, Source> = {
  server_rtt: ({ client }) => 1_000 * (client?.server?.rttSeconds ?? NaN),
};

const CLIENT: Record<Exclude<ClientSeries, ClientLevel>, Source> = {
  solicitations: ({ counters }) => counters.client_solicitations,
  echo_tests: ({ counters }) => counters.client_echo_tests,
};

/** What is kept of a role, in the order of a row. */
export function columnsOf(role: Snapshot["role"]): readonly Column[] {
  const columns = (kind: Column["kind"], sources: Record<string, Source>): Column[] =>
    Object.entries(sources).map(([name, of]) => ({ name: name as SeriesName, kind, of }));
  const drops = DROP_REASONS.map((reason): Column => ({
    name: `drops_${reason}`,
    kind: "rate",
    of: ({ drops }) => drops[reason],
  }));
  if (role === "server") {
    return [...columns("rate", { ...SERVER_WAYS, ...SERVER, ...COMMON }), ...drops];
  }
  const isClient = role === "client";
  return [
    ...columns("rate", isClient ? CLIENT_WAYS : RELAY_WAYS),
    ...columns("level", isClient ? { ...LEVELS, ...CLIENT_LEVELS } : LEVELS),
    ...columns("rate", { ...RELAY, ...(isClient ? CLIENT : {}), ...COMMON }),
    ...drops,
  ];
}
