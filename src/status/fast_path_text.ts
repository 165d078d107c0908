import type { StatusDocument } from "./document.ts";
import { count } from "./units.ts";

/** `on, 312 leases, 98 % of packets`; undefined: a server, or a daemon of an older version. */
export function fastPathText(
  { fast_path, counters }: Pick<StatusDocument, "fast_path" | "counters">,
): string | undefined {
  if (fast_path === undefined) return undefined;
  const { state, reason, leases, packets } = fast_path;
  if (state === "off") return `off: ${reason}`;
  const passed = packets.up + packets.down;
  const all = counters.ipv6_sent_packets + counters.ipv6_received_packets;
  // They are not read at one moment.
  const share = all === 0 ? 0 : Math.min(100, Math.floor(100 * passed / all));
  const more = reason === undefined ? "" : `; ${reason}`;
  return `on, ${count(leases)} ${leases === 1 ? "lease" : "leases"}, ${share} % of packets${more}`;
}
