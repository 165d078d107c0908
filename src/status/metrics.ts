import { COUNTER_NAMES, type CounterName } from "#src/protocol/counters.ts";
import { FAILURE_NAMES, WAYS_OUT } from "#src/protocol/failures.ts";
import type { Metric } from "./exposition.ts";
import {
  type DropReason,
  isReady,
  OFFLOAD_NAMES,
  type OffloadName,
  type ProcessState,
  type RestoredPart,
  type Snapshot,
} from "./snapshot.ts";

/** What each counter counts, for HELP and for docs/metrics.md. */
export const COUNTER_HELP: Readonly<Record<CounterName, string>> = {
  udp_received_datagrams: "UDP datagrams received.",
  udp_received_bytes: "Payload of the UDP datagrams received, in bytes.",
  udp_sent_datagrams: "UDP datagrams sent.",
  udp_sent_bytes: "Payload of the UDP datagrams sent, in bytes.",
  ipv6_received_packets: "IPv6 packets read from the IPv6 side.",
  ipv6_received_bytes: "IPv6 packets read from the IPv6 side, in bytes.",
  ipv6_sent_packets: "IPv6 packets written to the IPv6 side.",
  ipv6_sent_bytes: "IPv6 packets written to the IPv6 side, in bytes.",
  bubbles_received: "Bubbles that the relay took in; one it did not take in is a drop.",
  bubbles_sent_direct: "Bubbles sent straight to a peer's mapped address.",
  bubbles_sent_indirect: "Bubbles sent by way of a peer's server.",
  bubbles_sent_challenge: "Bubbles sent to a peer without an entry, to make it prove itself.",
  bubbles_answered: "Bubbles that answered one of ours.",
  peers_created: "Entries made in the list of recent peers.",
  peers_trusted: "Entries that became trusted.",
  peers_expired: "Entries removed because nothing came or went.",
  peers_failed: "Entries whose peer answered none of our bubbles; kept 300 s, untrusted.",
  peers_evicted: "Entries removed to make room for another.",
  packets_held: "Packets held for a peer that was not yet trusted.",
  packets_released: "Held packets sent once their peer was trusted.",
  icmpv6_errors_sent: "ICMPv6 errors sent.",
  icmpv6_errors_suppressed: "ICMPv6 errors not sent because of the rate limit.",
  solicitations_received: "Router solicitations received by the server.",
  advertisements_sent: "Router advertisements sent by the server.",
  bubbles_forwarded: "Bubbles that the server passed on to a client.",
  icmpv6_forwarded: "ICMPv6 packets that the server passed on to a client.",
  native_forwarded: "Packets that the server passed on to the IPv6 Internet.",
  echoes_answered: "Echo requests that the server answered itself.",
  udp_sent_from_other:
    "Datagrams to clients that know an address of ours which is gone: they left from another.",
  bubbles_sent_refresh: "Of the bubbles sent, those to peers that packets still flow to.",
  link_messages: "Packets that this host's kernel sent to the link of the interface alone.",
};

/** Name in the exposition of a counter. */
export function counterMetric(name: CounterName): string {
  return `teredo_${name}_total`;
}

/** Everything that `GET /metrics` gives, in a fixed order. docs/metrics.md lists it. */
export function metricsOf(snapshot: Snapshot): Metric[] {
  return [
    ...identity(snapshot),
    ...health(snapshot),
    ...means(snapshot),
    ...levels(snapshot),
    ...COUNTER_NAMES.map((name) => counter(name, snapshot)),
    drops(snapshot),
    failures(snapshot),
    restored(snapshot),
  ];
}

function identity(snapshot: Snapshot): Metric[] {
  const { role, version } = snapshot;
  return [
    {
      name: "teredo_build_info",
      type: "gauge",
      help: "Always 1; the labels say what runs.",
      samples: [{ labels: { role, version }, value: 1 }],
    },
    ...processMetrics(snapshot.process),
  ];
}

/** The names that Prometheus' own libraries give them; what the system does not tell is left out. */
function processMetrics(state: ProcessState): Metric[] {
  const { startedAt, cpuSeconds, residentBytes, virtualBytes, openFds, maxFds } = state;
  return [
    gauge(
      "process_start_time_seconds",
      "Start of the process, in seconds since 1970-01-01 UTC.",
      startedAt.getTime() / 1000,
    ),
    {
      name: "process_cpu_seconds_total",
      type: "counter",
      help: "Processor time used, user and system.",
      samples: [{ value: cpuSeconds }],
    },
    gauge("process_resident_memory_bytes", "Resident memory of the process.", residentBytes),
    ...known("process_virtual_memory_bytes", "Virtual memory of the process.", virtualBytes),
    ...known("process_open_fds", "Open file descriptors.", openFds),
    ...known("process_max_fds", "File descriptors that there may be.", maxFds),
  ];
}

function known(name: string, help: string, value: number | undefined): Metric[] {
  return value === undefined ? [] : [gauge(name, help, value)];
}

function health(snapshot: Snapshot): Metric[] {
  return [
    gauge("teredo_ready", "1 when every readiness check passes.", Number(isReady(snapshot))),
    {
      name: "teredo_check_ok",
      type: "gauge",
      help: "1 when the readiness check passes.",
      samples: snapshot.checks.map(({ name, ok }) => ({
        labels: { check: name },
        value: Number(ok),
      })),
    },
    gauge("teredo_draining", "1 while the daemon is ending.", Number(snapshot.draining)),
    gauge(
      "teredo_heartbeat_age_seconds",
      "Time since the datapath last came round its loop.",
      snapshot.heartbeatAgeSeconds,
    ),
    gauge("teredo_interface_mtu_bytes", "MTU of the tunnel.", snapshot.mtu),
  ];
}

function means({ workers, offloads }: Snapshot): Metric[] {
  return [
    gauge("teredo_workers", "Threads that carry packets.", workers.count),
    {
      name: "teredo_offload_enabled",
      type: "gauge",
      help: "1 when the kernel gives and takes this in larger pieces than packets.",
      samples: (Object.keys(offloads) as OffloadName[]).map((name) => ({
        labels: { feature: OFFLOAD_NAMES[name] },
        value: Number(offloads[name].on),
      })),
    },
  ];
}

function levels({ gauges }: Snapshot): Metric[] {
  return [
    gauge("teredo_peers", "Entries in the list of recent peers.", gauges.peers),
    gauge("teredo_trusted_peers", "Entries that are trusted.", gauges.peersTrusted),
    gauge("teredo_peers_limit", "Entries there is room for.", gauges.peersLimit),
    gauge("teredo_held_packets", "Packets held at this moment.", gauges.heldPackets),
    gauge("teredo_held_bytes", "Bytes of the packets held at this moment.", gauges.heldBytes),
  ];
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, type: "gauge", help, samples: [{ value }] };
}

function counter(name: CounterName, snapshot: Snapshot): Metric {
  const samples = [{ value: snapshot.counters[name] }];
  return { name: counterMetric(name), type: "counter", help: COUNTER_HELP[name], samples };
}

function drops(snapshot: Snapshot): Metric {
  const reasons = Object.keys(snapshot.drops) as DropReason[];
  return {
    name: "teredo_drops_total",
    type: "counter",
    help: "Packets discarded, by the one reason each had.",
    samples: reasons.map((reason) => ({ labels: { reason }, value: snapshot.drops[reason] })),
  };
}

function failures(snapshot: Snapshot): Metric {
  return {
    name: "teredo_send_failures_total",
    type: "counter",
    help: "Packets that the kernel did not take, by where they were to go and by what it said.",
    samples: WAYS_OUT.flatMap((to) =>
      FAILURE_NAMES.map((errno) => ({ labels: { to, errno }, value: snapshot.failures[to][errno] }))
    ),
  };
}

function restored(snapshot: Snapshot): Metric {
  const parts = Object.keys(snapshot.restored) as RestoredPart[];
  return {
    name: "teredo_restored_total",
    type: "counter",
    help: "Parts of the interface that were set up again after another program had changed them.",
    samples: parts.map((what) => ({ labels: { what }, value: snapshot.restored[what] })),
  };
}
