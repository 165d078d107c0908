import { NAT_INSIDE, NAT_OUTSIDE, type NatKind, natRules } from "./nat.ts";

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

/** A client's place: its namespace and the public address it is seen under. */
export interface Site {
  readonly nat: NatKind;
  readonly client: string;
  /** Namespace of the NAT; the client's own where there is none. */
  readonly natNamespace: string;
  readonly publicAddress: string;
}

export function makeSites(kinds: readonly NatKind[]): Site[] {
  return kinds.map((nat, i) => ({
    nat,
    client: `cli${i}`,
    natNamespace: nat === "none" ? `cli${i}` : `nat${i}`,
    publicAddress: `198.51.100.${20 + i}`,
  }));
}

/** Shell commands that build the network, for `sh -e` as root of fresh network and mount namespaces. */
export function buildScript(sites: readonly Site[]): string {
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
    ...sites.flatMap((site) => site.nat === "none" ? publicClient(site) : clientBehindNat(site)),
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

function attach(name: string, bridge: string, addresses: readonly string[], as = bridge): string[] {
  const port = `${name}-${bridge}`;
  return [
    `ip -n core link add ${port} type veth peer name ${as} netns ${name}`,
    `ip -n core link set ${port} master ${bridge} up`,
    `ip -n ${name} link set ${as} up`,
    ...addresses.map((address) => addAddress(name, as, address)),
  ];
}

function addAddress(name: string, link: string, address: string): string {
  return address.includes(":")
    ? `ip -n ${name} -6 address add ${address}/64 dev ${link} nodad`
    : `ip -n ${name} address add ${address}/24 dev ${link}`;
}

function publicClient(site: Site): string[] {
  return [
    ...namespace(site.client),
    ...attach(site.client, IPV4_LINK, [site.publicAddress]),
  ];
}

function clientBehindNat(site: Site): string[] {
  const nat = site.natNamespace;
  const rules = natRules(site.nat, CLIENT_ADDRESS);
  return [
    ...namespace(nat),
    ...namespace(site.client),
    ...attach(nat, IPV4_LINK, [site.publicAddress], NAT_OUTSIDE),
    `ip -n ${nat} link add ${NAT_INSIDE} type veth peer name ${IPV4_LINK} netns ${site.client}`,
    `ip -n ${nat} link set ${NAT_INSIDE} up`,
    `ip -n ${nat} address add 192.168.1.1/24 dev ${NAT_INSIDE}`,
    sysctl(nat, "net/ipv4/ip_forward", 1),
    `ip -n ${site.client} link set ${IPV4_LINK} up`,
    addAddress(site.client, IPV4_LINK, CLIENT_ADDRESS),
    `ip -n ${site.client} route add default via 192.168.1.1`,
    `nsenter --net=/run/netns/${nat} nft -f - <<'RULES'\n${rules}RULES`,
  ];
}
