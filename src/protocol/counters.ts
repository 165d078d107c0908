import { DROP_NAMES } from "./drops.ts";
import { FAILURE_CELLS } from "./failures.ts";

/**
 * Everything counted, in the order of its cells; one `Float64Array` holds them all (whole numbers
 * are exact to 2^53). One thread writes, others read: the array may lie in shared memory.
 *
 * Cells 0..COUNTER_NAMES.length-1 are these; a drop reason `r` is cell {@link DROPS_AT} + r.
 */
export const COUNTER_NAMES = [
  // UDP side
  "udp_received_datagrams",
  "udp_received_bytes",
  "udp_sent_datagrams",
  "udp_sent_bytes",
  // IPv6 side: TUN for the relay, raw socket for the server
  "ipv6_received_packets",
  "ipv6_received_bytes",
  "ipv6_sent_packets",
  "ipv6_sent_bytes",
  // Relay
  "bubbles_received",
  "bubbles_sent_direct",
  "bubbles_sent_indirect",
  "bubbles_sent_challenge",
  "bubbles_answered",
  "peers_created",
  "peers_trusted",
  "peers_expired",
  "peers_failed",
  "peers_evicted",
  "packets_held",
  "packets_released",
  "icmpv6_errors_sent",
  "icmpv6_errors_suppressed",
  // Server
  "solicitations_received",
  "advertisements_sent",
  "bubbles_forwarded",
  "icmpv6_forwarded",
  "native_forwarded",
  "echoes_answered",
  // Relay: of the bubbles sent, those to peers that packets still flow to
  "bubbles_sent_refresh",
  // Relay: of the datagrams sent, those whose client knows an address of ours that is gone
  "udp_sent_from_other",
  // Relay, IPv6 side: what this host's own kernel says to the link, of no concern to anyone else
  "link_messages",
  // Relay: entries that came from the relay before this one
  "peers_taken_over",
  // Server: of the solicitations received, those of a client that may be behind a cone NAT, and of the
  // others those to the second address, which ask whether the NAT is symmetric. RFC 4380 §5.2.1
  "solicitations_cone",
  "solicitations_secondary",
  // Client: RFC 4380 §5.2.1, §5.2.5, §5.2.9
  "client_solicitations",
  "client_qualifications",
  "client_address_changes",
  "client_failovers",
  "client_echo_tests",
] as const;

export type CounterName = (typeof COUNTER_NAMES)[number];

/** Cell of each counter in the shared array. */
export const Counter = Object.freeze(
  Object.fromEntries(COUNTER_NAMES.map((name, at) => [name, at])),
) as Readonly<Record<CounterName, number>>;

/** Cell of drop reason 0. */
export const DROPS_AT = COUNTER_NAMES.length;
/** Cell of the first way out and failure: name by name, way after way. */
export const FAILURES_AT: number = DROPS_AT + DROP_NAMES.length;
export const COUNTERS_LENGTH: number = FAILURES_AT + FAILURE_CELLS;

/** Cells written by one thread; see {@link COUNTER_NAMES}. */
export type Counters = Float64Array;

export function makeCounters(
  buffer: ArrayBufferLike = new ArrayBuffer(8 * COUNTERS_LENGTH),
): Counters {
  return new Float64Array(buffer, 0, COUNTERS_LENGTH);
}
