import { judge } from "#src/daemon/host/linux/firewall/judge.ts";
import { readNftables } from "#src/daemon/host/linux/firewall/nftables.ts";
import type { BaseChain } from "#src/daemon/host/linux/firewall/outcome.ts";
import type { Traffic } from "#src/daemon/host/traffic.ts";
import {
  decidingRoute,
  hasAddress,
  linkNamed,
  wayOf,
} from "#src/datapath/linux/netlink/look_up.ts";
import { addresses, links, routesOf } from "#src/datapath/linux/netlink/routing.ts";
import { rulesOf } from "#src/datapath/linux/netlink/rules.ts";
import type { Netlink } from "#src/datapath/linux/netlink/socket.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { packet } from "#test/protocol/packets.ts";

const DESTINATION = parseIpv6("2001:db8::1")!;
const PREFIX = parseIpv6Prefix("2001::/32")!;

/** What the program asks, and takes an answer for. */
export const QUESTIONS: readonly ((route: Netlink, netfilter: Netlink) => unknown)[] = [
  (route) => links(route),
  (route) => addresses(route),
  (route) => routesOf(route, PREFIX, 128),
  (route) => rulesOf(route),
  (route) => linkNamed(route, "lo"),
  (route) => hasAddress(route, 1, DESTINATION),
  (route) => wayOf(route, { destination: DESTINATION }),
  (route) => decidingRoute(route, { destination: DESTINATION }),
  (_, netfilter) => judged(readNftables(netfilter)),
];

const AROUND = { indexOf: () => 2, leavesBy: () => "eth0" };
const PACKET = packet(17, "2001:db8::1", "2001:db8::2", new Uint8Array(8));
const TRAFFIC: Traffic = {
  subject: "packets",
  needed: true,
  path: "forward",
  version: 6,
  in: "teredo",
  out: "eth0",
  packets: [{
    what: "UDP",
    bytes: PACKET,
    transportAt: 40,
    protocol: 17,
    tracked: "new",
    local: "none",
  }],
  accept: {},
};

/** What the rules that were read do to a packet. */
function judged(bases: readonly BaseChain[]): unknown {
  return judge(bases, TRAFFIC, AROUND).map(({ by, certain, doubt, mend }) => {
    return { by, certain, doubt, mend };
  });
}
