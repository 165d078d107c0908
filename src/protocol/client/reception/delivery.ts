import type { ClientParts } from "../parts.ts";
import { Drop } from "../../drops.ts";
import { hasRoutingHeader0 } from "../../wire/extension_headers.ts";
import { NO_HOME } from "../servers/homes.ts";
import type { Opened } from "./opened.ts";
import type { PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";
import type { TunnelSink } from "../../tunnel.ts";

/** RFC 6169 §2.3.3: what lets its sender choose the way, and with it who is hit. */
export function checkContent(b: Uint8Array, { datagram }: Opened): Drop {
  const { ipv6At, ipv6Length } = datagram;
  return hasRoutingHeader0(b, ipv6At, ipv6Length) ? Drop.RoutingHeader : Drop.None;
}

/** The packet at hand, of peer `p`, to the IPv6 side. */
export function deliver(
  { paths, peers, homes }: ClientParts,
  opened: Opened,
  p: PeerId,
  b: Uint8Array,
  now: Millis,
  sink: TunnelSink,
): Drop {
  const drop = checkContent(b, opened);
  if (drop !== Drop.None) return drop;
  const { ipv6At, ipv6Length } = opened.datagram;
  if (opened.home !== homes.current) homes.use(opened.home, paths.beginning(p), now);
  if (paths.home[p] === NO_HOME) paths.home[p] = opened.home;
  paths.dataAt[p] = now;
  sink.sendIpv6(b, ipv6At, ipv6Length); // without trailers: RFC 6081 §4
  peers.traffic.received(p, 1, ipv6Length);
  return Drop.None;
}
