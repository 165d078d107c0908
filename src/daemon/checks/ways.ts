import type { RelayConfig } from "#src/config/config.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { formatIpv6, formatIpv6Prefix, hostIn } from "#src/protocol/wire/ipv6.ts";
import { obstacleIn, specialPurpose6 } from "#src/protocol/wire/special_purpose.ts";
import { servicePrefixOf } from "#src/protocol/wire/teredo_address.ts";
import type { Host, Refused, Way } from "../host/contract.ts";
import { clientAddress, ipv4Bytes, ROOT_SERVERS_4, ROOT_SERVERS_6 } from "../host/samples.ts";
import { type CheckResult, fail, ok, warn } from "./result.ts";

/** Ways that packets take, as the kernel tells. */

/** Of the prefixes of `served` so many are asked about. */
const MOST_PREFIXES = 8;

type Sent = Extract<Way, { kind: "sent" }>;

/** The way of datagrams to the IPv4 Internet. @param bound address they leave from; 0: any */
export function wayToClients(host: Host, bound: number): Sent | undefined {
  for (const address of ROOT_SERVERS_4) {
    const way = host.way4(journeyTo(address, bound));
    if (way?.kind === "sent") return way;
  }
  return undefined;
}

function journeyTo(address: number, bound: number) {
  const source = bound === 0 ? undefined : ipv4Bytes(bound);
  return { destination: ipv4Bytes(address), source };
}

/** Whether datagrams reach clients. @param bound address they leave from; 0: any */
export function checkIpv4Route(host: Host, bound: number): CheckResult[] {
  const from = bound === 0 ? "" : ` from ${formatIpv4(bound)}`;
  const names = new Set<string>();
  for (const address of ROOT_SERVERS_4) {
    const way = host.way4(journeyTo(address, bound));
    if (way === undefined) return [];
    if (way.kind === "refused") return [refusedWay4(host, bound, from, address, way)];
    names.add(way.kind === "sent" ? way.interfaceName : "no interface");
  }
  return [ok("ipv4_route", `datagrams${from} to the Internet leave by ${[...names].join(", ")}`)];
}

function refusedWay4(
  host: Host,
  bound: number,
  from: string,
  to: number,
  refused: Refused,
): CheckResult {
  const { why } = refused;
  const what = `datagrams${from} to the IPv4 Internet (${formatIpv4(to)}) are refused`;
  if (bound !== 0 && host.way4(journeyTo(to, 0))?.kind === "sent") {
    return fail(
      "ipv4_route",
      `${what}, unlike those of other addresses: ${why}`,
      mendRefusal(
        host,
        refused,
        4,
        "give packets from that address a route, or choose another bind_address",
      ),
    );
  }
  return warn(
    "ipv4_route",
    `${what}: ${why}; only clients in networks with a route of their own are reached`,
    mendRefusal(host, refused, 4, host.words.addDefaultRoute4),
  );
}

/** Whose packets go where, as far as routes decide. */
export interface ClientsWay {
  /** Upper 32 bits of the service prefix. */
  readonly prefix: number;
  readonly served: RelayConfig["served"];
  /** Interface that packets from clients come in by; undefined: this host sends them itself. */
  readonly comesBy: string | undefined;
}

/** Whether packets of clients reach what is served. */
export function checkClientsWay(host: Host, clients: ClientsWay): CheckResult[] {
  const { prefix, served, comesBy } = clients;
  if (served === "self") return [];
  const source = clientAddress(prefix);
  const asked = destinationsOf(served).map((destination) => ({
    destination,
    theirs: host.way6({ destination, source, comesBy }),
  }));
  for (const { destination, theirs } of asked) {
    if (theirs.kind === "refused") return [refusedWay(host, prefix, destination, theirs)];
  }
  const ways = asked.map(({ theirs }) => theirs);
  if (
    comesBy !== undefined && ways.some((it) => it.kind === "sent" && it.interfaceName === comesBy)
  ) {
    return [fail("ipv6_route", `packets from clients leave by ${comesBy} again`, backwards(host))];
  }
  return [ok("ipv6_route", `packets from clients leave by ${interfacesOf(ways)}`)];
}

const backwards = ({ words }: Host) =>
  `\`${
    words.showRoute(formatIpv6(ROOT_SERVERS_6[0]!))
  }\` shows the route: let it lead to the Internet`;

/** @param add the mend where there is no route: what somebody refuses no further route lets pass */
export function mendRefusal(host: Host, { isSaid }: Refused, version: 4 | 6, add: string): string {
  if (!isSaid) return add;
  return `take away what says so, unless it is meant; ${host.words.showRefusals[version]}`;
}

function refusedWay(
  host: Host,
  prefix: number,
  destination: Uint8Array,
  refused: Refused,
): CheckResult {
  const { why } = refused;
  const own = host.way6({ destination });
  const text = formatIpv6Prefix(servicePrefixOf(prefix));
  const to = formatIpv6(destination);
  if (own.kind === "sent") {
    const { gateway, interfaceName } = own;
    return fail(
      "ipv6_route",
      `packets from clients, of ${text}, to ${to} are refused, while this host's own leave by ` +
        `${interfaceName}: ${why}`,
      mendRefusal(
        host,
        refused,
        6,
        host.words.routeFrom(text, gateway && formatIpv6(gateway), interfaceName),
      ),
    );
  }
  return warn(
    "ipv6_route",
    `packets from clients to ${to} are refused: ${why}; only networks with a route of their own are ` +
      "reachable",
    mendRefusal(host, refused, 6, host.words.addDefaultRoute),
  );
}

/** What clients want to reach. */
function destinationsOf(served: RelayConfig["served"]): readonly Uint8Array[] {
  if (typeof served === "string") return ROOT_SERVERS_6;
  return served.slice(0, MOST_PREFIXES).map(hostIn);
}

function interfacesOf(ways: readonly Way[]): string {
  const names = ways.map((way) => way.kind === "sent" ? way.interfaceName : "no interface");
  return [...new Set(names)].join(", ");
}

/**
 * Where the kernel's ICMPv6 errors come from. A Packet Too Big from a link-local address passes no
 * router, so that its receiver goes on with packets that are too large. RFC 4443 §2.2, RFC 4291 §2.5.6
 */
export function checkIcmpSource(host: Host, served: RelayConfig["served"]): CheckResult[] {
  if (served === "self") return [];
  const way = host.way6({ destination: ROOT_SERVERS_6[0]! });
  if (way.kind !== "sent" || way.source === undefined) return [];
  const text = formatIpv6(way.source);
  const obstacle = obstacleIn(specialPurpose6(way.source));
  if (obstacle === undefined) return [ok("icmp_source", text)];
  return [
    warn(
      "icmp_source",
      `ICMPv6 errors leave from ${text} (${obstacle.name}, ${obstacle.reference}), and a Packet Too Big ` +
        "from there is thrown away on its way: large packets then vanish",
      `give this host a global IPv6 address: ${host.words.addAddress6}`,
    ),
  ];
}
