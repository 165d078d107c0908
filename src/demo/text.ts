import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { isTeredo, mappedAddressOf, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { Name } from "./describe.ts";
import type { Lab } from "./lab.ts";
import type { NatKind } from "./nat.ts";
import {
  HOST_IPV6,
  makePlan,
  RELAY_ADDRESS,
  RELAY_IPV6,
  SECONDARY_ADDRESS,
  SERVER_ADDRESS,
  SERVER_IPV6,
  type Site,
} from "./topology.ts";

/** What the demo says besides what happens. */

const NAMES = new Map([
  [SERVER_ADDRESS, "server"],
  [SECONDARY_ADDRESS, "server2"],
  [RELAY_ADDRESS, "relay"],
  [HOST_IPV6, "host"],
  [RELAY_IPV6, "relay"],
  [SERVER_IPV6, "server"],
]);

/**
 * Gives the short names of addresses in the demo's network; the address itself where it has none. Of
 * several clients each has its number.
 */
export function namer(clients: number): Name {
  const names = new Map(NAMES);
  const numbers = new Map<number, string>();
  for (const { nat: { address, second } } of makePlan(Array(clients).fill("symmetric")).gateways) {
    const number = clients === 1 ? "" : `${numbers.size / 2 + 1}`;
    for (const outer of [address, second]) {
      names.set(outer, `nat${number}`);
      numbers.set(parseIpv4(outer)!, number);
    }
  }
  return (address) => {
    const name = names.get(address);
    if (name !== undefined) return name;
    const bytes = parseIpv6(address);
    if (bytes === undefined || !isTeredo(bytes, 0, SERVICE_PREFIX)) return address;
    return `client${numbers.get(mappedAddressOf(bytes, 0)) ?? ""}`;
  };
}

const WORDS: Partial<Record<NatKind, string>> = { none: "no NAT", firewall: "firewall, no NAT" };

export function drawing(sites: readonly Site[]): string {
  const ipv4 = [
    ...sites.map((site, i) => drawSite(site, sites.length === 1 ? "" : `${i + 1}`)),
    `server ${SERVER_ADDRESS}, ${SECONDARY_ADDRESS}`,
    `relay ${RELAY_ADDRESS}`,
  ];
  const ipv6 = [`host ${HOST_IPV6}`, `server ${SERVER_IPV6}`, `relay ${RELAY_IPV6}`];
  const width = Math.max(...ipv4.map((text) => text.length));
  const lines = ipv4.map((text, i) => {
    const other = ipv6[i + ipv6.length - ipv4.length];
    return `  ${text.padEnd(width)} --+${other === undefined ? "" : `  +-- ${other}`}`;
  });
  return ["", `${"IPv4".padStart(width + 6)}  IPv6`, ...lines, ""].join("\n");
}

function drawSite(site: Site, number: string): string {
  const client = site.address === site.publicAddress
    ? `client${number} ${site.publicAddress}`
    : `client${number} ${site.address} -- nat${number} ${site.publicAddress}`;
  return `${client} (${WORDS[site.nat] ?? `${site.nat} NAT`})`;
}

export const LOOK_FURTHER = `
To look further:
  teredo demo --clients 2       two clients that find each other
  teredo demo --nat symmetric   another NAT; teredo demo --help names all kinds
  teredo demo --keep            leaves the network up, and says how to enter it
  teredo decode ADDRESS         takes a Teredo address apart
  teredo help                   the rest; a real relay starts with: teredo check relay
`;

export function howToEnter(lab: Lab): string {
  const shell = (namespace: string) => `  ${lab.enterCommand(namespace)} sh`;
  return `The network stays up until Ctrl-C. A shell in it (as root, or the same user):
${shell(lab.sites[0]!.client)}    # the client
${shell("rly")}    # the relay: ip -6 route; curl http://127.0.0.1:9545/metrics
${shell("host6")}    # the IPv6 host: ping a client, tcpdump -ni ipv6
${shell("core")}    # both links: tcpdump -ni ipv4 udp
`;
}
