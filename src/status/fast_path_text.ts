import type { StatusDocument } from "./document.ts";
import { count } from "./units.ts";

/**
 * `on, 312 leases, 98 % of packets`, of a server `on, 98 % of solicitations`; undefined: a daemon of an
 * older version.
 */
export function fastPathText(
  { role, fast_path, counters }: Pick<StatusDocument, "role" | "fast_path" | "counters">,
): string | undefined {
  if (fast_path === undefined) return undefined;
  const { state, reason, leases, packets } = fast_path;
  if (state === "off") return `off: ${reason}`;
  const more = reason === undefined ? "" : `; ${reason}`;
  if (role === "server") {
    return `on, ${percent(packets.up, counters.solicitations_received)} of solicitations${more}`;
  }
  const all = counters.ipv6_sent_packets + counters.ipv6_received_packets;
  const share = percent(packets.up + packets.down, all);
  return `on, ${count(leases)} ${leases === 1 ? "lease" : "leases"}, ${share} of packets${more}`;
}

/** They are not read at one moment. */
function percent(part: number, all: number): string {
  return `${all === 0 ? 0 : Math.min(100, Math.floor(100 * part / all))} %`;
}
