import { type Nat, NAT_INSIDE, NAT_OUTSIDE, type NatKind, natRules } from "./nat.ts";

/**
 * The lab's network. Each box is a network namespace; `core` only switches.
 *
 *     cli0 192.168.1.2 -- nat0 198.51.100.20 --+
 *     cli1 192.168.1.2 -- nat1 198.51.100.21 --+        +-- host6 2001:db8:1::2
 *     ...                                      |        |
 *                  srv 198.51.100.1 and .2 ----+- core -+-- srv 2001:db8:1::3
 *                  rly 198.51.100.50 ----------+        +-- rly 2001:db8:1::1
 *                                         ipv4 bridge  ipv6 bridge
 *
 * host6 and srv reach 2001::/32 by way of rly. A client without NAT stands on the ipv4 bridge itself.
 * Where several are behind one NAT, they are 192.168.1.2, .3, ... on one link, and a NAT among them
 * 192.168.1.100 with 192.168.2.2, .3, ... behind it.
 */
export const SERVER_ADDRESS = "198.51.100.1";
export const SECONDARY_ADDRESS = "198.51.100.2";
export const RELAY_ADDRESS = "198.51.100.50";
export const RELAY_IPV6 = "2001:db8:1::1";
export const HOST_IPV6 = "2001:db8:1::2";
export const SERVER_IPV6 = "2001:db8:1::3";
export const CLIENT_ADDRESS = "192.168.1.2";

/** Bridges of `core`, and the interfaces that lead to them in the other namespaces. */
export const IPV4_LINK = "ipv4";
export const IPV6_LINK = "ipv6";

/** What stands in front of clients. */
export interface Gateway {
  readonly nat: NatKind;
  /** Clients behind it, on one link; default 1. There is one without NAT. */
  readonly clients?: number;
  /** Whether a client reaches another one by its external address; of INDEPENDENT_KINDS. RFC 6081 §3.5 */
  readonly hairpin?: boolean;
  /** Behind it as well, with clients of their own, whose places come after. RFC 6081 §6.5 */
  readonly nested?: readonly Gateway[];
}

export type Place = NatKind | Gateway;

/** A client's place: its namespace and the public address it is seen under. */
export interface Site {
  readonly nat: NatKind;
  readonly client: string;
  /** IPv4 address of its own. */
  readonly address: string;
  /** Namespace of the NAT; the client's own where there is none. */
  readonly natNamespace: string;
  readonly publicAddress: string;
}

/** A gateway with its clients, as it is built. */
interface Built {
  readonly nat: Nat;
  readonly namespace: string;
  /** Namespace of the NAT that it is behind; undefined: on the ipv4 bridge. */
  readonly outer: string | undefined;
  readonly address: string;
  /** Its link's subnet, of 24 bits without the last number. */
  readonly subnet: string;
  readonly clients: readonly Site[];
}

/** Places of all gateways, and how they are built. */
export interface Plan {
  readonly sites: readonly Site[];
  readonly gateways: readonly Built[];
}

/** @param places at most 30, nested ones included */
export function makePlan(places: readonly Place[]): Plan {
  const sites: Site[] = [];
  const gateways: Built[] = [];
  const add = (place: Place, depth: number, at: number, outer?: Built) => {
    const gateway: Gateway = typeof place === "string" ? { nat: place } : place;
    const i = gateways.length;
    const client = sites.length;
    const isBare = gateway.nat === "none" || gateway.nat === "firewall";
    const publicAddress = `198.51.100.${20 + i}`;
    const address = outer === undefined ? publicAddress : `${outer.subnet}.${100 + at}`;
    const subnet = `192.168.${depth}`;
    const namespace = isBare ? `cli${client}` : `nat${i}`;
    const built: Built = {
      nat: {
        kind: gateway.nat,
        address,
        second: address.replace(/\d+$/, (it) => `${Number(it) + 100}`),
        hairpin: gateway.hairpin ?? false,
      },
      namespace,
      outer: outer?.namespace,
      address,
      subnet,
      clients: Array.from({ length: isBare ? 1 : gateway.clients ?? 1 }, (_, k) => ({
        nat: gateway.nat,
        client: `cli${client + k}`,
        address: isBare ? address : `${subnet}.${2 + k}`,
        natNamespace: namespace,
        publicAddress: outer === undefined ? publicAddress : outermost(gateways, outer),
      })),
    };
    gateways.push(built);
    sites.push(...built.clients);
    gateway.nested?.forEach((inner, k) => add(inner, depth + 1, k, built));
  };
  for (const place of places) add(place, 1, 0);
  return { sites, gateways };
}

function outermost(gateways: readonly Built[], inner: Built): string {
  const outer = gateways.find(({ namespace }) => namespace === inner.outer);
  return outer === undefined ? inner.address : outermost(gateways, outer);
}

/** Shell commands that build the network, for `sh -e` as root of fresh network and mount namespaces. */
export function buildScript({ gateways }: Plan): string {
  return [
    ...core(),
    ...attach("srv", IPV4_LINK, [SERVER_ADDRESS, SECONDARY_ADDRESS]),
    ...attach("srv", IPV6_LINK, [SERVER_IPV6]),
    `ip -n srv -6 route add default via ${RELAY_IPV6}`,
    ...attach("rly", IPV4_LINK, [RELAY_ADDRESS]),
    ...attach("rly", IPV6_LINK, [RELAY_IPV6]),
    `ip -n rly -6 route add default via ${HOST_IPV6}`,
    sysctl("rly", "net/ipv6/conf/all/forwarding", 1),
    ...attach("host6", IPV6_LINK, [HOST_IPV6]),
    `ip -n host6 -6 route add 2001::/32 via ${RELAY_IPV6}`,
    ...gateways.flatMap((it) =>
      it.nat.kind === "none" || it.nat.kind === "firewall" ? bareClient(it) : clientsBehindNat(it)
    ),
  ].join("\n") + "\n";
}

function core(): string[] {
  const namespaces = ["core", "srv", "rly", "host6"];
  return [
    ...namespaces.flatMap(namespace),
    // A bridge shows a listener every frame only when it is promiscuous.
    ...[IPV4_LINK, IPV6_LINK].flatMap((bridge) => [
      `ip -n core link add ${bridge} type bridge mcast_snooping 0`,
      `ip -n core link set ${bridge} promisc on up`,
    ]),
  ];
}

/** A namespace without duplicate address detection, whose wait would only slow the lab down. */
function namespace(name: string): string[] {
  return [
    `ip netns add ${name}`,
    sysctl(name, "net/ipv6/conf/all/accept_dad", 0),
    sysctl(name, "net/ipv6/conf/default/accept_dad", 0),
    sysctl(name, "net/ipv6/conf/default/router_solicitations", 0),
    `ip -n ${name} link set lo up`,
  ];
}

function sysctl(namespace: string, path: string, value: number): string {
  return `nsenter --net=/run/netns/${namespace} sh -c 'echo ${value} > /proc/sys/${path}'`;
}

/**
 * Where br_netfilter is loaded, a bridge has addresses translated of what its host has yet to route, and
 * what comes back to the link it came from is lost: hairpinning between sockets of one client.
 */
function withoutBridgeFilter(namespace: string): string[] {
  const path = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  const off = `[ ! -e ${path} ] || echo 0 > ${path}`;
  return [`nsenter --net=/run/netns/${namespace} sh -c '${off}'`];
}

function attach(name: string, bridge: string, addresses: readonly string[], as = bridge): string[] {
  return attachTo("core", bridge, name, as, ...addresses);
}

/** A namespace to a bridge of another one. */
function attachTo(
  owner: string,
  bridge: string,
  name: string,
  as: string,
  ...addresses: readonly string[]
): string[] {
  const port = `${name}-${bridge}`;
  return [
    `ip -n ${owner} link add ${port} type veth peer name ${as} netns ${name}`,
    `ip -n ${owner} link set ${port} master ${bridge} up`,
    `ip -n ${name} link set ${as} up`,
    ...addresses.map((address) => addAddress(name, as, address)),
  ];
}

function addAddress(name: string, link: string, address: string): string {
  return address.includes(":")
    ? `ip -n ${name} -6 address add ${address}/64 dev ${link} nodad`
    : `ip -n ${name} address add ${address}/24 dev ${link}`;
}

function bareClient(gateway: Built): string[] {
  return [
    ...namespace(gateway.namespace),
    ...attachOutside(gateway, IPV4_LINK),
    ...rules(gateway),
  ];
}

function clientsBehindNat(gateway: Built): string[] {
  const { namespace: nat, subnet, clients } = gateway;
  return [
    ...namespace(nat),
    ...attachOutside(gateway, NAT_OUTSIDE),
    ...gateway.nat.kind === "address-symmetric"
      ? [addAddress(nat, NAT_OUTSIDE, gateway.nat.second)]
      : [],
    `ip -n ${nat} link add ${NAT_INSIDE} type bridge mcast_snooping 0`,
    `ip -n ${nat} link set ${NAT_INSIDE} up`,
    addAddress(nat, NAT_INSIDE, `${subnet}.1`),
    sysctl(nat, "net/ipv4/ip_forward", 1),
    ...withoutBridgeFilter(nat),
    // A router that tells hosts of shorter ways is no NAT's.
    sysctl(nat, "net/ipv4/conf/all/send_redirects", 0),
    sysctl(nat, `net/ipv4/conf/${NAT_INSIDE}/send_redirects`, 0),
    ...clients.flatMap(({ client, address }) => [
      ...namespace(client),
      ...attachTo(nat, NAT_INSIDE, client, IPV4_LINK, address),
      `ip -n ${client} route add default via ${subnet}.1`,
    ]),
    ...rules(gateway),
  ];
}

/** To the ipv4 bridge, or to the link of the NAT that it is behind. */
function attachOutside(gateway: Built, as: string): string[] {
  const { namespace: name, outer, address } = gateway;
  if (outer === undefined) return attach(name, IPV4_LINK, [address], as);
  return [
    ...attachTo(outer, NAT_INSIDE, name, as, address),
    `ip -n ${name} route add default via ${address.replace(/\d+$/, "1")}`,
  ];
}

function rules({ namespace: name, nat }: Built): string[] {
  const text = natRules(nat);
  return text === "" ? [] : [`nsenter --net=/run/netns/${name} nft -f - <<'RULES'\n${text}RULES`];
}
