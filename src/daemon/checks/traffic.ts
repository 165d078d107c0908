import type { RelayConfig, ServerConfig } from "#src/config/config.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6Prefix, hostIn, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { servicePrefixOf, TEREDO_PORT, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { type Host, leavesBy } from "../host/contract.ts";
import { wayToClients } from "./ways.ts";
import type { Traffic } from "../host/traffic.ts";
import {
  echoRequest6,
  type Ends6,
  packetTooBig6,
  strayEchoReply6,
  tcp6,
  udp4,
  udp6,
} from "./samples.ts";

/**
 * Hosts of the Internet that nothing is known of, far apart, so that lists of some networks do not
 * hold them all. Documentation addresses would not do: many filters refuse those.
 */
export const STRANGERS = ["1.1.1.1", "8.8.8.8", "81.2.69.160", "133.11.11.11", "200.7.84.1"]
  .map((text) => parseIpv4(text)!);
/** A server's port, and one as NATs give them. */
export const THEIR_PORTS = [TEREDO_PORT, 53_211] as const;
/** A host of the IPv6 Internet, as good as any. */
export const NATIVE: Uint8Array = parseIpv6("2620:fe::9")!;
/** Where the kernel is to choose a port, one as good as any. */
export const SOME_PORT = 40_000;

/** One end of datagrams. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

const ANY_STRANGERS: readonly Endpoint[] = STRANGERS.flatMap((address) =>
  THEIR_PORTS.map((port) => ({ address, port }))
);

/** Who is at the other ends of sample packets. */
export interface Parties {
  readonly strangers: readonly Endpoint[];
  /** Teredo address. */
  readonly client: Uint8Array;
  /** IPv6 host. */
  readonly native: Uint8Array;
}

/** Anybody. */
export function anyParties({ prefix, served }: Pick<RelayConfig, "prefix" | "served">): Parties {
  const listed = typeof served === "string" ? undefined : served[0];
  return {
    strangers: ANY_STRANGERS,
    client: someClient(prefix),
    native: listed === undefined ? NATIVE : hostIn(listed),
  };
}

/** What a relay lives on. @param tunnel name of its interface */
export function relayTraffic(
  host: Host,
  relay: RelayConfig,
  tunnel: string,
  endpoint: Endpoint = { address: relay.bindAddress, port: relay.bindPort || SOME_PORT },
  { strangers, client, native }: Parties = anyParties(relay),
): Traffic[] {
  const service = formatIpv6Prefix(servicePrefixOf(relay.prefix));
  const outer = datagrams(host, endpoint, strangers);
  if (relay.served === "self") return [...outer, ...ownTraffic(tunnel, service, client, native)];
  const uplink = leavesBy(host.way6({ destination: native }));
  return [...outer, ...forwarded(tunnel, service, client, native, uplink)];
}

/** @param server IPv4 address of its server */
export function someClient(prefix: number, server: number = STRANGERS[0]!): Uint8Array {
  return toBytes({
    prefix,
    serverAddress: server,
    flags: 0,
    mappedAddress: STRANGERS[2]!,
    mappedPort: THEIR_PORTS[1]!,
  });
}

/** What a server lives on. */
export function serverTraffic(host: Host, server: ServerConfig): Traffic[] {
  const { bindAddress } = server;
  if (bindAddress === undefined) return [];
  const addresses = [bindAddress, server.bindAddress2 ?? bindAddress + 1];
  const client = someClient(server.prefix, bindAddress);
  const uplink = leavesBy(host.way6({ destination: NATIVE }));
  const service = formatIpv6Prefix(servicePrefixOf(server.prefix));
  return [
    ...addresses.flatMap((address) =>
      datagrams(host, { address, port: TEREDO_PORT }, ANY_STRANGERS)
    ),
    {
      subject: "clients' packets that this server hands to the IPv6 Internet",
      needed: true,
      path: "output",
      version: 6,
      ...(uplink === undefined ? {} : { out: uplink }),
      packets: [echoRequest6({ from: client, to: NATIVE, local: "none" })],
      accept: { from: service },
    },
  ];
}

/**
 * What a stranger sends to this host first, by its interface.
 *
 * @param own an address that the host has without the tunnel, which it is a relay for; undefined: it is a
 *   client, and has a Teredo address
 */
export function unaskedTraffic(tunnel: string, prefix: number, own?: Uint8Array): Traffic {
  const client = someClient(prefix);
  const ends: Ends6 = own === undefined
    ? { from: NATIVE, to: client, local: "destination" }
    : { from: client, to: own, local: "destination" };
  const address = own === undefined ? "Teredo address" : "own addresses";
  return {
    subject: `what strangers send to this host's ${address} first`,
    needed: false,
    path: "input",
    version: 6,
    in: tunnel,
    comesBack: true,
    packets: [tcp6(ends, "new"), udp6(ends)],
    accept: { in: tunnel },
  };
}

/** Where datagrams of one of this host's addresses pass. */
export interface Outer {
  /** The address itself, or the one that the kernel is likely to choose. */
  readonly own: number;
  /** Interfaces that they come in by, and leave by; undefined: not known. */
  readonly outer: string | undefined;
  readonly wan: string | undefined;
}

/** @param address 0: any */
export function outerOf(host: Host, address: number): Outer {
  const interfaces = host.interfaces();
  const wan = wayToClients(host, 0)?.interfaceName;
  const outer = interfaces.find((it) => it.ipv4.includes(address) && !it.loopback)?.name ?? wan;
  const own = address !== 0
    ? address
    : interfaces.find((it) => it.name === outer)?.ipv4[0] ?? STRANGERS[0]!;
  return { own, outer, wan };
}

/** UDP between one of this host's endpoints and strangers. */
function datagrams(
  host: Host,
  { address, port }: Endpoint,
  strangers: readonly Endpoint[],
): Traffic[] {
  const { own, outer, wan } = outerOf(host, address);
  const name = address === 0 ? `port ${port}` : `${formatIpv4(address)}:${port}`;
  const theirs = strangers.map((it) => ({
    stranger: it.address,
    theirPort: it.port,
    what: formatIpv4(it.address),
  }));
  return [
    {
      subject: `UDP datagrams to ${name}`,
      needed: true,
      path: "input",
      version: 4,
      ...(outer === undefined ? {} : { in: outer }),
      packets: theirs.map(({ stranger, theirPort, what }) =>
        udp4(
          `from ${what}`,
          { from: stranger, fromPort: theirPort, to: own, toPort: port },
          "destination",
        )
      ),
      accept: { toPort: port },
    },
    {
      subject: `UDP datagrams from ${name}`,
      needed: true,
      path: "output",
      version: 4,
      ...(wan === undefined ? {} : { out: wan }),
      packets: theirs.map(({ stranger, theirPort, what }) =>
        udp4(
          `to ${what}`,
          { from: own, fromPort: port, to: stranger, toPort: theirPort },
          "source",
        )
      ),
      accept: { fromPort: port },
    },
  ];
}

/**
 * Between clients and the hosts that a relay serves. The first packet to a client that asks for a
 * host is the answer to an echo request that went by way of its server. RFC 4380 §5.2.9
 */
function forwarded(
  tunnel: string,
  service: string,
  client: Uint8Array,
  native: Uint8Array,
  uplink: string | undefined,
): Traffic[] {
  const fromClient: Ends6 = { from: client, to: native, local: "none" };
  const toClient: Ends6 = { from: native, to: client, local: "none" };
  const outward = {
    needed: true,
    path: "forward" as const,
    version: 6 as const,
    in: tunnel,
    ...(uplink === undefined ? {} : { out: uplink }),
    comesBack: true,
    accept: { in: tunnel, from: service },
  };
  const inward = {
    path: "forward" as const,
    version: 6 as const,
    out: tunnel,
    ...(uplink === undefined ? {} : { in: uplink }),
    accept: { out: tunnel, to: service },
  };
  return [
    {
      ...outward,
      subject: "packets from clients to IPv6 hosts",
      packets: [tcp6(fromClient, "new"), udp6(fromClient), echoRequest6(fromClient)],
    },
    {
      ...inward,
      needed: true,
      subject: "IPv6 hosts' answers to clients",
      packets: [tcp6(toClient, "established")],
    },
    {
      ...inward,
      needed: true,
      subject: "the echo replies by which clients find this relay",
      packets: [strayEchoReply6(toClient)],
    },
    {
      ...inward,
      needed: false,
      subject: "what IPv6 hosts send to clients first",
      packets: [tcp6(toClient, "new"), udp6(toClient), echoRequest6(toClient)],
    },
    {
      ...inward,
      needed: false,
      subject: "Packet Too Big to clients",
      packets: [packetTooBig6(toClient, tcp6(fromClient, "new"))],
    },
  ];
}

/** Of a relay that serves this host alone. RFC 4380 §5.5 */
function ownTraffic(
  tunnel: string,
  service: string,
  client: Uint8Array,
  native: Uint8Array,
): Traffic[] {
  const toClient: Ends6 = { from: native, to: client, local: "source" };
  const fromClient: Ends6 = { from: client, to: native, local: "destination" };
  return [
    {
      subject: "this host's packets to clients",
      needed: true,
      path: "output",
      version: 6,
      out: tunnel,
      packets: [tcp6(toClient, "new"), udp6(toClient), echoRequest6(toClient)],
      accept: { out: tunnel, to: service },
    },
    {
      subject: "clients' answers to this host",
      needed: true,
      path: "input",
      version: 6,
      in: tunnel,
      comesBack: true,
      packets: [tcp6(fromClient, "established")],
      accept: { in: tunnel, from: service },
    },
  ];
}
