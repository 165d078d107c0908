import { type ClientConfig, EXTENSIONS } from "../config.ts";
import { boolean, choice, duration, integer, ipv4 } from "../kinds/mod.ts";
import { clientId, extensions, ipv6Host, servers } from "../kinds/servers.ts";
import { path, secretFile } from "../kinds/system.ts";
import {
  ALGORITHM,
  type Flat,
  HOLD,
  ICMP_BURST,
  ICMP_RATE,
  INTERFACE_NAME,
  OFFLOADS,
  PREFIX,
  PROCESS,
  REFUSE_RESERVED,
  SOCKET_BUFFER,
  type Table,
} from "../setting.ts";

/** What a file holds of it. */
interface Given extends Omit<ClientConfig, "secret" | "servers"> {
  readonly servers: ClientConfig["servers"] | undefined;
}

export const CLIENT: Table<Flat<Given>> = {
  servers: {
    kind: servers,
    default: undefined,
    defaultText: "none: a client needs one",
    miredo: "ServerAddress",
    reload: "yes",
    doc:
      `Teredo servers, best first. All are asked at once at the start; one carries, the others stay
measured and take over when it falls silent. A name counts with all its IPv4 addresses, and is looked up
again where none answers. A client that was started with addresses alone takes a restart for names.

\`HOST/SECONDARY\` names a server's secondary address where it is not the primary one plus one. Miredo's
\`ServerAddress2\` is ignored, as Miredo ignores it. There is no default: public servers come and go. See
[client.md](client.md).`,
  },
  serverOrder: {
    kind: choice(["race", "strict"]),
    default: "race",
    reload: "yes",
    doc: `Which server carries where several answer. \`race\`: the first to answer, and after it the
one with the shortest round trip. \`strict\`: the first of the list, to which the client goes back
after ten quiet minutes, or an hour if no native host was reached by way of it.`,
  },
  bindAddress: {
    kind: ipv4,
    default: 0,
    defaultText: "`0.0.0.0`: every address",
    miredo: "BindAddress",
    reload: "restart",
    doc: `IPv4 address that datagrams leave from. With \`0.0.0.0\` the route to the server says.`,
  },
  bindPort: {
    kind: integer(0, 65535),
    default: 0,
    defaultText: "`0`: a random one, kept in `state_file`",
    miredo: "BindPort",
    reload: "restart",
    doc: `UDP port of the client, the service port of RFC 4380. 0: the kernel picks one at the first
start, which is taken again at later ones, so that the Teredo address stays where the NAT lets it.
A number is for NATs and firewalls that have it opened by hand.`,
  },
  interfaceName: INTERFACE_NAME,
  prefix: {
    kind: PREFIX.kind,
    default: PREFIX.default,
    reload: "restart",
    doc: `The Teredo service prefix, always 32 bits long: of peers and of our own address. Anything
but 2001::/32 is for closed test networks.`,
  },
  localDiscovery: {
    kind: boolean,
    default: false,
    reload: "restart",
    doc: `Find other clients of the same link by multicast (RFC 4380 section 5.2.8), so that packets
between them stay on it. Whoever is on the link then learns that this host has a Teredo address, and
which.`,
  },
  whenNative: {
    kind: choice(["stand_back", "relay", "keep"]),
    default: "stand_back",
    reload: "yes",
    doc: `What becomes of the tunnel while this host has IPv6 without it: a global address that is
neither Teredo nor 6to4, and a default route, for 5 s. \`stand_back\`: new connections leave it at once,
old ones may go on for a minute, then it sleeps until native IPv6 is gone for 10 s. \`relay\`: it only
carries packets to and from other Teredo clients, as a host-specific relay (RFC 4380 section 5.5),
with the IPv6 addresses of this host. \`keep\`: it stays as it is.`,
  },
  routeMetric: {
    kind: integer(1, 0xffffffff),
    default: 1_000_000,
    reload: "restart",
    doc:
      `Metric of the default route into the tunnel, on Linux. The route of the lowest metric wins:
with the default any other does. Miredo's route has 1029.`,
  },
  defaultRoute: {
    kind: boolean,
    default: true,
    reload: "yes",
    doc: `Whether there is a default route into the tunnel. Without it only other Teredo clients are
reached, and whatever you route into the interface yourself, e.g. in the hook.`,
  },
  sourceRouting: {
    kind: boolean,
    default: true,
    reload: "restart",
    doc: `Whether packets from the Teredo address leave by the tunnel whatever the other routes are:
a rule at priority 32765, on Linux. Answers then go back the way that the question came.`,
  },
  refresh: {
    kind: duration(10_000, 300_000),
    default: 30_000,
    reload: "yes",
    doc:
      `The refresh interval of RFC 4380 section 5.2.5: after three quarters of it to the whole the
server is asked again, which keeps the NAT's mapping and notices that it has changed. A NAT that forgets
sooner is noticed and asked more often, down to 10 s.`,
  },
  extensions: {
    kind: extensions,
    default: EXTENSIONS,
    reload: "yes",
    doc:
      `What is done of RFC 6081. \`sns\`: symmetric NAT support, which the next three need. \`pp\`:
port-preserving symmetric NATs. \`ss\`: sequential ones. \`hairpin\`: peers behind the same NAT. \`slr\`:
fewer bubbles by way of servers. Leave something out to rule it out when looking for a fault.`,
  },
  checkHost: {
    kind: ipv6Host,
    default: undefined,
    defaultText: "none: traffic tells",
    reload: "yes",
    doc:
      `A host of the IPv6 Internet that is pinged by way of the server once that has answered, when
there is another, and every five minutes: whether native hosts are reached (\`native\` of \`teredo
status\`) is known then without traffic. Not set, the answers to this host's own packets tell.`,
  },
  hook: {
    kind: path,
    default: undefined,
    reload: "restart",
    doc:
      `Program that is run when state or address have changed, after the client's own set-up, with
STATE, IFACE, IFINDEX, ADDRESS, LLADDRESS, MTU, and OLD_ADDRESS and the like in its environment. Packets
do not wait for it. Miredo's /etc/miredo/client-hook is not run unless it is named here.`,
  },
  stateFile: {
    kind: path,
    default: undefined,
    defaultText:
      "`client.json` in `$STATE_DIRECTORY` or /var/lib/teredo-client; on a BSD in /var/db",
    reload: "restart",
    doc:
      `File that keeps from run to run what the Teredo address is made of, so that it stays: the UDP
port, the mapping and the address's own bits; and the addresses of the servers' names, which are used
while no name server answers.`,
  },
  refuseReserved: REFUSE_RESERVED,
  clientId: {
    kind: clientId,
    default: undefined,
    defaultText: "the only one in `secret_file`",
    reload: "yes",
    doc: `By which name the client shows servers who it is, where they ask (secure qualification,
RFC 4380 section 5.2.2).`,
  },
  secretFile: {
    kind: secretFile("secret"),
    default: undefined,
    reload: "yes",
    doc: `File that holds the client's key, in the form of a server's \`secrets_file\`:
\`NAME hex:00112233...\` or \`NAME text:passphrase\`. Random keys only: who sees a solicitation can try
words out (RFC 4380 section 7.2.1). Not readable by others: \`chmod 640\`. A name without
\`/\` is a credential that systemd hands over, as with \`secrets_file\`.`,
  },
  authenticationAlgorithm: {
    ...ALGORITHM,
    doc: `Hash of the HMAC that makes authentication values, as the servers have it; RFC 4380 names
SHA-1.`,
  },
  maxPeers: {
    kind: integer(16, 1_048_576),
    default: 65_536,
    reload: "restart",
    doc: `Peers remembered at once, at some hundred bytes each: other clients, and hosts of the IPv6
Internet with their relays. When the table is full, the oldest that never proved itself is forgotten first.`,
  },
  holdPackets: {
    ...HOLD.packets,
    doc: `Packets held for one peer until it has proved itself; more are dropped and counted. They
leave in the order they came.`,
  },
  holdBytes: {
    ...HOLD.bytes,
    doc:
      `Bytes held for one peer. The MTU that a server tells counts up to so many, as a packet that
cannot be held would be lost whenever its peer is new.`,
  },
  holdAge: {
    ...HOLD.age,
    doc:
      `A packet held longer than this is dropped. Who sent the last one to a peer is told by an ICMPv6
error. The default outlasts the 9 s after which a peer that answers neither bubble nor ping is given up.`,
  },
  holdMemory: {
    ...HOLD.memory,
    default: 4 * 1024 ** 2,
    doc: `Bytes held for all peers together.`,
  },
  icmpRate: ICMP_RATE,
  icmpBurst: ICMP_BURST,
  socketBuffer: SOCKET_BUFFER,
  offloads: OFFLOADS,
  drainTime: {
    kind: duration(0, 60_000),
    default: 0,
    reload: "yes",
    doc: `At SIGTERM, go on carrying this long after \`/readyz\` has turned to 503.`,
  },
  ...PROCESS,
};
