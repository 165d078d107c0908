import type { Fields } from "#src/log/record.ts";
import { isReady, type Snapshot } from "#src/status/snapshot.ts";

/** A snapshot as the fields of one log line: whether it serves, and how much passes. */
export function stateLine(snapshot: Snapshot): Fields {
  const { gauges, counters, drops, process, workers } = snapshot;
  return {
    role: snapshot.role,
    detail: wordFor(snapshot),
    seconds: Math.round(process.uptimeSeconds),
    workers: workers.count,
    peers: gauges.peers,
    trusted: gauges.peersTrusted,
    held: gauges.heldPackets,
    from_udp: counters.udp_received_datagrams,
    to_udp: counters.udp_sent_datagrams,
    from_ipv6: counters.ipv6_received_packets,
    to_ipv6: counters.ipv6_sent_packets,
    dropped: Object.values(drops).reduce((sum, count) => sum + count, 0),
    memory: process.residentBytes,
  };
}

function wordFor(snapshot: Snapshot): string {
  if (snapshot.draining) return "draining";
  if (isReady(snapshot)) return "ready";
  const failing = snapshot.checks.filter((check) => !check.ok).map((check) => check.name);
  return `not ready: ${failing.join(", ")}`;
}
