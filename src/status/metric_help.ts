import type { CounterName } from "#src/protocol/counters.ts";
import { CLIENT_METRIC_HELP } from "./client_metric_help.ts";
import { counter, gauge, type MetricHelp } from "./metric_kind.ts";

/** Names that Prometheus' own client libraries have. */
const PROCESS = {
  process_start_time_seconds: gauge(
    "s",
    "Start of the process, in seconds since 1970-01-01 UTC.",
    "changes with each start: often means that the daemon ends again and again, and the log says why",
  ),
  process_cpu_seconds_total: counter(
    "s",
    "Processor time used, user and system.",
    "a rate near 1 for each of the workers: all the machine carries is carried; raise `workers`",
  ),
  process_resident_memory_bytes: gauge(
    "bytes",
    "Resident memory of the process.",
    "grows with the peers, to about 140 bytes for each of `max_peers`; beyond that report it",
  ),
  process_virtual_memory_bytes: gauge("bytes", "Virtual memory of the process; Linux."),
  process_open_fds: gauge(
    "descriptors",
    "Open file descriptors; Linux.",
    "near `process_max_fds`: raise LimitNOFILE of the service",
  ),
  process_max_fds: gauge("descriptors", "File descriptors that there may be; Linux."),
};

const DAEMON = {
  teredo_build_info: gauge(
    "1",
    "Always 1; the labels say what runs.",
    "different `version` among your daemons: one was left out of an upgrade",
  ),
  teredo_ready: gauge(
    "0, 1",
    "1 when every readiness check passes, as GET /readyz.",
    "0: `teredo status` names the check that fails and the command that mends it",
  ),
  teredo_check_ok: gauge(
    "0, 1",
    "1 when the readiness check passes.",
    "0: `teredo check relay`, `server` or `client` says what is wrong and what mends it",
  ),
  teredo_draining: gauge("0, 1", "1 while the daemon is ending, or has been told to drain."),
  teredo_announced: gauge(
    "0, 1",
    "With `announce` alone: 1 while there is the route that routing daemons learn.",
    "0 while teredo_ready is 1: the relay rests after trouble, docs/anycast.md says for how long",
  ),
  teredo_heartbeat_age_seconds: gauge(
    "s",
    "Time since the datapath last came round its loop, without stops of the whole process.",
    "2 and more: the datapath hangs, /healthz gives 503 and the service manager's watchdog restarts " +
      "it; report what the log says before",
  ),
  teredo_interface_mtu_bytes: gauge("bytes", "MTU of the tunnel."),
  teredo_interface_kept: gauge(
    "0, 1",
    "1 while somebody sets the interface up again when another program changes it.",
    "0: with `user` a process of its own did, which has ended: restart the daemon; the log says why",
  ),
  teredo_workers: gauge(
    "threads",
    "Threads that carry packets.",
    "fewer than `workers` asks for: the log says why (`Workers`)",
  ),
  teredo_offload_enabled: gauge(
    "0, 1",
    "1 when the kernel gives and takes this in larger pieces than packets.",
    "0: slower, not wrong; `teredo status` says why",
  ),
};

const PEERS = {
  teredo_peers: gauge(
    "peers",
    "Entries in the list of recent peers.",
    "near `teredo_peers_limit`: raise `max_peers`",
  ),
  teredo_trusted_peers: gauge(
    "peers",
    "Entries that are trusted.",
    "far fewer than `teredo_peers`: a scan, or clients that bubbles do not reach",
  ),
  teredo_resolving_peers: gauge(
    "peers",
    "Entries that bubbles go out for, trusted still or not.",
    "most of `teredo_peers`: a scan of Teredo addresses, or bubbles that are not answered",
  ),
  teredo_failed_peers: gauge(
    "peers",
    "Entries whose peer left its bubbles unanswered; kept for 300 s.",
    "most of `teredo_peers`: hosts here write to clients that are gone, or bubbles do not pass",
  ),
  teredo_peers_limit: gauge("peers", "Entries there is room for; 0 for the server."),
  teredo_held_packets: gauge("packets", "Packets held at this moment."),
  teredo_held_bytes: gauge(
    "bytes",
    "Bytes of the packets held at this moment.",
    "near `hold_memory`: many new clients at once, or a scan of Teredo addresses",
  ),
};

const SANDBOX = {
  teredo_sandbox_layer: gauge(
    "0, 1",
    "1 for each part of the sandbox that holds, by its name.",
    "0: `teredo status` says why; an older kernel has less",
  ),
  teredo_sandbox_violations_total: counter(
    "system calls",
    "System calls that the sandbox has refused, each of which ended a daemon, since the machine was started.",
    "any: somebody has got into the daemon, or it makes a call that its list lacks; the log names it, report it",
  ),
};

const FAST_PATH = {
  teredo_fast_path_active: gauge(
    "0, 1",
    "1 while programs in the kernel carry packets past the relay, or answer past the server.",
    "0: slower, not wrong; `teredo status` says why",
  ),
  teredo_fast_path_leases: gauge("peers", "Peers whose packets the kernel carries; relays only."),
  teredo_fast_path_leases_limit: gauge(
    "peers",
    "Peers there may be of these at once; relays only.",
  ),
  teredo_fast_path_leases_refused_total: counter(
    "times",
    "Peers whose packets the relay carried, as the kernel had as many peers as it may have; relays " +
      "only.",
    "growth: raise `fast_path_peers`",
  ),
  teredo_fast_path_packets_total: counter(
    "packets",
    "Packets that the kernel carried, from peers (up) and to them (down), or solicitations that it " +
      "took (up) and answered (down); all other counters have them too.",
    "little of `teredo_ipv6_sent_packets_total`, or of `teredo_solicitations_received_total`: `teredo_fast_path_left_alone_total` says why",
  ),
  teredo_fast_path_left_alone_total: counter(
    "packets",
    "Packets that the programs left to the daemon, by why. None is lost by that.",
    "most of the packets with one `reason`: docs/fast-path.md says what it means",
  ),
};

type CounterMetric = `teredo_${CounterName}_total`;

const COUNTERS: Readonly<Record<CounterMetric, MetricHelp>> = {
  teredo_udp_received_datagrams_total: counter(
    "datagrams",
    "UDP datagrams received.",
    "no growth: no client reaches this host; see `firewall`, `public` and `return_path` of " +
      "`teredo check`",
  ),
  teredo_udp_received_bytes_total: counter(
    "bytes",
    "Payload of the UDP datagrams received, in bytes.",
  ),
  teredo_udp_sent_datagrams_total: counter("datagrams", "UDP datagrams sent."),
  teredo_udp_sent_bytes_total: counter("bytes", "Payload of the UDP datagrams sent, in bytes."),
  teredo_ipv6_received_packets_total: counter(
    "packets",
    "IPv6 packets read from the IPv6 side.",
    "no growth at a relay: nobody's route for 2001::/32 leads here; see `service_route` of " +
      "`teredo check relay`",
  ),
  teredo_ipv6_received_bytes_total: counter(
    "bytes",
    "IPv6 packets read from the IPv6 side, in bytes.",
  ),
  teredo_ipv6_sent_packets_total: counter("packets", "IPv6 packets written to the IPv6 side."),
  teredo_ipv6_sent_bytes_total: counter(
    "bytes",
    "IPv6 packets written to the IPv6 side, in bytes.",
  ),
  teredo_bubbles_received_total: counter(
    "packets",
    "Bubbles that the relay took in; one it did not take in is a drop.",
  ),
  teredo_bubbles_sent_direct_total: counter(
    "packets",
    "Bubbles sent straight to a peer's mapped address.",
  ),
  teredo_bubbles_sent_indirect_total: counter(
    "packets",
    "Bubbles sent by way of a peer's server.",
    "growth without `teredo_bubbles_answered_total`: the servers pass none on, or a filter here " +
      "keeps the answers out",
  ),
  teredo_bubbles_sent_challenge_total: counter(
    "packets",
    "Bubbles sent to a peer without an entry, to make it prove itself.",
    "growth without `teredo_bubbles_answered_total`: forged packets, which get no further",
  ),
  teredo_bubbles_answered_total: counter(
    "packets",
    "Bubbles that answered one of ours.",
    "less than half of the bubbles sent: servers pass none on, a filter keeps the answers out, or scans",
  ),
  teredo_peers_created_total: counter(
    "peers",
    "Entries made in the list of recent peers.",
    "much more growth than of `teredo_peers_trusted_total`: a scan of Teredo addresses",
  ),
  teredo_peers_trusted_total: counter("peers", "Entries that became trusted."),
  teredo_peers_expired_total: counter("peers", "Entries removed because nothing came or went."),
  teredo_peers_failed_total: counter(
    "peers",
    "Entries whose peer answered none of our bubbles; kept 300 s, untrusted.",
    "much growth: hosts here write to clients that are gone, or bubbles do not pass",
  ),
  teredo_peers_evicted_total: counter(
    "peers",
    "Entries removed to make room for another.",
    "any growth: the table is full, or one mapping has its share; raise `max_peers`",
  ),
  teredo_packets_held_total: counter(
    "packets",
    "Packets held for a peer that was not yet trusted.",
  ),
  teredo_packets_released_total: counter(
    "packets",
    "Held packets sent once their peer was trusted.",
    "far less than `teredo_packets_held_total`: clients that bubbles do not reach",
  ),
  teredo_icmpv6_errors_sent_total: counter("packets", "ICMPv6 errors sent."),
  teredo_icmpv6_errors_suppressed_total: counter(
    "packets",
    "ICMPv6 errors not sent because of the rate limit.",
    "steady growth: a scan, or an `icmp_rate` too low for this many hosts",
  ),
  teredo_solicitations_received_total: counter(
    "packets",
    "Router solicitations received by the server.",
    "no growth at a server: no client reaches it; see `firewall` of `teredo check server`",
  ),
  teredo_advertisements_sent_total: counter(
    "packets",
    "Router advertisements sent by the server.",
    "less than `teredo_solicitations_received_total`: see the drops `rate_limited` and " +
      "`authentication_failed`",
  ),
  teredo_bubbles_forwarded_total: counter(
    "packets",
    "Bubbles that the server passed on to a client.",
  ),
  teredo_icmpv6_forwarded_total: counter(
    "packets",
    "ICMPv6 packets that the server passed on to a client.",
  ),
  teredo_native_forwarded_total: counter(
    "packets",
    "Packets that the server passed on to the IPv6 Internet.",
  ),
  teredo_echoes_answered_total: counter(
    "packets",
    "Echo requests that the server answered itself.",
  ),
  teredo_udp_sent_from_other_total: counter(
    "datagrams",
    "Datagrams to clients that know an address of ours which is gone: they left from another.",
    "growth: an address was taken off this host; their NATs may let nothing in from another one",
  ),
  teredo_bubbles_sent_refresh_total: counter(
    "packets",
    "Of the bubbles sent, those to peers that packets still flow to.",
  ),
  teredo_solicitations_cone_total: counter(
    "packets",
    "Of the router solicitations, those of clients that ask whether their NAT is a cone NAT.",
  ),
  teredo_solicitations_secondary_total: counter(
    "packets",
    "Of the others, those to the second address: their clients ask whether their NAT is symmetric.",
  ),
  teredo_client_solicitations_total: counter(
    "packets",
    "Router solicitations that a client sent, to any of its servers.",
  ),
  teredo_client_qualifications_total: counter(
    "addresses",
    "Times that a client took a server's answer for its address.",
    "a rate beyond one in some minutes: servers that come and go, or a NAT that forgets",
  ),
  teredo_client_address_changes_total: counter(
    "changes",
    "Times that a client's mapping was another than before, so that flows broke.",
    "a rate beyond one in some hours: the NAT forgets too soon; shorten `refresh`",
  ),
  teredo_client_failovers_total: counter(
    "changes",
    "Times that a client left a server for another, as it was silent or reached no native host.",
    "often from the same server: take it from the list",
  ),
  teredo_client_echo_tests_total: counter(
    "packets",
    "Echo requests by which a client looked for the relay of a native host.",
  ),
  teredo_peers_taken_over_total: counter(
    "peers",
    "Entries taken over from the relay that ran before, with their standing.",
  ),
  teredo_link_messages_total: counter(
    "packets",
    "Packets that this host's kernel sent to the link of the interface alone, such as reports of " +
      "multicast groups; nobody's packets, and no drops.",
  ),
};

const OUTCOMES = {
  teredo_drops_total: counter(
    "packets",
    "Packets discarded, by the one reason each had.",
    "`teredo explain REASON` for the label `reason` that grows",
  ),
  teredo_send_failures_total: counter(
    "packets",
    "Packets that the kernel did not take, by where they were to go and by what it said.",
    "`teredo explain ERRNO` for the label `errno` that grows",
  ),
  teredo_restored_total: counter(
    "times",
    "Parts of the interface that were set up again after another program had changed them.",
    "growth: another program manages the interface; docs/interface.md says how to keep it off",
  ),
  teredo_config_last_reload_successful: gauge(
    "0, 1",
    "1 when the configuration was read without a problem the last time; the start counts.",
    "0: the daemon goes by what was before; the log and `/status` name file and line",
  ),
  teredo_config_last_reload_success_timestamp_seconds: gauge(
    "s",
    "When the configuration was last read without a problem, in seconds since 1970-01-01 UTC.",
    "older than the file: what it says now is not in effect; `teredo reload`",
  ),
  teredo_log_lines_dropped_total: counter(
    "lines",
    "Lines of the log that whoever reads it did not take in time.",
    "growth: see why the log's reader is slow or stopped",
  ),
};

/** Every metric of `GET /metrics`: its words there, in docs/metrics.md and of `teredo explain`. */
export const METRIC_HELP = {
  ...PROCESS,
  ...DAEMON,
  ...PEERS,
  ...FAST_PATH,
  ...SANDBOX,
  ...CLIENT_METRIC_HELP,
  ...COUNTERS,
  ...OUTCOMES,
};

export type MetricName = keyof typeof METRIC_HELP;
