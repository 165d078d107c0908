import type { RelayConfig } from "../config.ts";
import { boolean, choice, duration, integer, ipv4 } from "../kinds/mod.ts";
import { served } from "../kinds/network.ts";
import {
  type Flat,
  HOLD,
  ICMP_BURST,
  ICMP_RATE,
  INTERFACE_NAME,
  MTU,
  OFFLOADS,
  PREFIX,
  PROCESS,
  REFUSE_RESERVED,
  SOCKET_BUFFER,
  type Table,
  WORKERS,
} from "../setting.ts";

const NO_CLIENT = "makes a Teredo client; run `teredo client`, or write `relay` for a relay";

export const RELAY: Table<Flat<RelayConfig>> = {
  type: {
    kind: choice(["relay", "restricted"], { cone: "relay" }, {
      client: NO_CLIENT,
      autoclient: NO_CLIENT,
    }),
    default: "relay",
    miredo: "RelayType",
    reload: "yes",
    doc:
      `How the relay first reaches a client. \`relay\` (or \`cone\`): by indirect bubbles only, for
a relay whose UDP port anyone may write to. \`restricted\`: a direct bubble goes out beside each
indirect one, for a relay behind a NAT or firewall that lets in only answers; RFC 4380 section 5.4.1.

Prefer \`relay\`, with the UDP port open.`,
  },
  interfaceName: INTERFACE_NAME,
  interfaceMtu: {
    ...MTU,
    reload: "restart",
    doc: `MTU of the TUN interface. Every Teredo client takes 1280; more only helps where the path
to each client is known to carry it.`,
  },
  bindAddress: {
    kind: ipv4,
    default: 0,
    defaultText: "`0.0.0.0`: every address",
    miredo: "BindAddress",
    reload: "restart",
    doc: `IPv4 address whose UDP port is served. With \`0.0.0.0\`, a reply leaves from the address
that the client wrote to.`,
  },
  bindPort: {
    kind: integer(0, 65535),
    default: 3545,
    miredo: "BindPort",
    reload: "restart",
    doc: `UDP port of the relay, the service port of RFC 4380. 0: the kernel picks one, a new one
at each start, so that clients' NATs and your firewall have to learn it again; this is what Miredo
does without \`BindPort\`. 3544 is the servers' port and not for relays.`,
  },
  prefix: {
    ...PREFIX,
    reload: "restart",
    doc: `The Teredo service prefix, always 32 bits long: the route to it leads into the TUN
interface. Anything but 2001::/32 is for closed test networks.`,
  },
  served: {
    kind: served,
    default: "any",
    reload: "yes",
    doc: `Which IPv6 addresses clients may reach through this relay, and which may reach them.
\`any\`: whatever this machine routes, which includes inner networks (fc00::/7) that it has a route
to: filter those in the FORWARD chain, or list what is to be reached. \`self\`: only its own addresses, a host-specific relay as
RFC 4380 section 5.5 has it. Or a list of prefixes, e.g. your network's, for a relay that is not to
carry strangers' traffic.`,
  },
  refuseReserved: REFUSE_RESERVED,
  maxPeers: {
    kind: integer(16, 4_194_304),
    default: 1_048_576,
    reload: "restart",
    doc: `Clients remembered at once, at some hundred bytes each. When the table is full, the oldest
client that never proved itself is forgotten first.`,
  },
  holdPackets: {
    ...HOLD.packets,
    doc: `Packets held for one client while the relay waits for its bubble; more are dropped and
counted. They leave in the order they came.`,
  },
  holdBytes: {
    ...HOLD.bytes,
    defaultText: "`10KiB`, or `interface_mtu` where that is more",
    doc: `Bytes held for one client. At least \`interface_mtu\`, so that a single packet fits.`,
  },
  holdAge: {
    ...HOLD.age,
    doc:
      `A packet held longer than this is dropped. The default outlasts the 8 s after which a client
that answers none of its four bubbles is given up, and the senders of what was held are told by an
ICMPv6 error.`,
  },
  holdMemory: {
    ...HOLD.memory,
    doc: `Bytes held for all clients together: the bound against someone who scans the Teredo
prefix.`,
  },
  icmpRate: ICMP_RATE,
  icmpBurst: ICMP_BURST,
  challengeRate: {
    kind: integer(0, 1_000_000, "a second"),
    default: 100,
    reload: "yes",
    doc: `Bubbles sent a second to clients that the relay does not know, so that flows survive its
restart. They answer a datagram, and are no more bytes on the wire than it was. 0: none; such flows
then wait for the IPv6 side to speak.`,
  },
  newPeerRate: {
    kind: integer(0, 1_000_000, "a second"),
    default: 1_000,
    reload: "yes",
    doc:
      `Clients new to the relay that packets from one IPv6 network (/64) may address a second, and
at once. Each costs memory and a bubble, so that a scan of the Teredo prefix would use up what others
may have. Packets from one /32, which is a provider's, may address a quarter of \`bubble_rate\`.
0: no limit.`,
  },
  bubbleRate: {
    kind: integer(0, 1_000_000, "a second"),
    default: 10_000,
    reload: "yes",
    doc:
      `Bubbles sent in any one second to clients that packets came for, over all of them. Half of it
may go out at once, half flows in again within a second; a quarter of what may go at once is for
clients that have answered before. A client needs a bubble when it is new, and when it was silent
for 30 s. 0: no limit.`,
  },
  addressBubbleRate: {
    kind: integer(0, 1_000_000, "a second"),
    default: 1_000,
    reload: "yes",
    doc: `The same, of those to one IPv4 address: a Teredo server, which the packet's destination
names, so that whoever sends the packet chooses it. Raise it, and \`bubble_rate\` with it, if more
clients of one server than these are new or come back each second. Bubbles that are repeated, without
another packet for the client, may be a tenth of either rate. 0: no limit.`,
  },
  socketBuffer: SOCKET_BUFFER,
  offloads: OFFLOADS,
  fastPath: {
    kind: choice(["auto", "on", "off"]),
    default: "auto",
    reload: "restart",
    doc:
      `Whether programs in the kernel carry single packets of clients that the relay trusts, which
takes less than half of the processor: Linux 6.6 and later, on Ethernet. The relay lends each client for
seconds at a time, and sees a packet of each flow at least every 10 s; whatever is in any way unusual
goes by the relay as ever.

Such packets pass by this host's own IPv4 filters: the ingress, PREROUTING and INPUT chains on their way
in, OUTPUT and POSTROUTING on their way out. The FORWARD chain of IPv6 sees them all. \`auto\`: where
nothing in the chains counts, limits, marks or translates the relay's datagrams, and nothing is recorded
(\`record\`). \`on\`: whatever the chains do. \`off\`: never. The log and \`teredo status\` say what was
chosen, and why; see [fast-path.md](fast-path.md).`,
  },
  fastPathPeers: {
    kind: integer(1, 1_048_576),
    default: 65_536,
    reload: "restart",
    doc:
      `Clients that the kernel carries packets of at once, with \`fast_path\`. Packets of more go by
the relay as ever. Each takes about 220 bytes of the kernel's memory, from the start on.`,
  },
  workers: WORKERS,
  drainTime: {
    kind: duration(0, 60_000),
    default: 1_000,
    defaultText: "`1s`; `10s` with `announce`",
    reload: "yes",
    doc: `At SIGTERM, go on serving this long after \`/readyz\` has turned to 503, so that routers
and load balancers can turn away.`,
  },
  routeMetric: {
    kind: integer(1, 65_535),
    default: 10,
    reload: "restart",
    doc:
      `Metric of the route that leads packets for clients into the interface, on Linux. The route of
the lowest metric wins: with the default neither what comes by BGP from other relays does (20 with
FRR, 32 with BIRD) nor a guard that refuses.`,
  },
  announce: {
    kind: boolean,
    default: false,
    reload: "restart",
    doc:
      `Keep a second route of the prefix while the relay is ready, for a routing daemon to announce
by BGP: Linux only. It goes before a drain and whenever the relay is not ready; the route of
\`route_metric\` stays, so that traffic goes on. See [anycast.md](anycast.md); \`teredo announce\` prints
what the routing daemon needs.`,
  },
  announceMetric: {
    kind: integer(1, 65_535),
    default: 9,
    reload: "restart",
    doc:
      `Metric of that route, lower than \`route_metric\`: routing daemons see no other route of the
prefix than the one of the lowest.`,
  },
  announceProtocol: {
    kind: integer(5, 255),
    default: 201,
    reload: "restart",
    doc:
      `Number by which that route is known as the relay's: its \`proto\` of ip-route(8). Not one that
a routing daemon has for its own routes, which it does not learn.`,
  },
  ...PROCESS,
};
