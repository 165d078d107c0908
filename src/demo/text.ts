import { isTeredo, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { Lab } from "./lab.ts";
import type { NatKind } from "./nat.ts";
import {
  HOST_IPV6,
  RELAY_ADDRESS,
  RELAY_IPV6,
  SECONDARY_ADDRESS,
  SERVER_ADDRESS,
  SERVER_IPV6,
  type Site,
} from "./topology.ts";

/** What the demo says besides what happens. */

const FIRST_SITE = "198.51.100.20";

const NAMES = new Map([
  [SERVER_ADDRESS, "server"],
  [SECONDARY_ADDRESS, "server2"],
  [RELAY_ADDRESS, "relay"],
  [FIRST_SITE, "nat"],
  [HOST_IPV6, "host"],
  [RELAY_IPV6, "relay"],
  [SERVER_IPV6, "server"],
]);

/** The short name of an address in the demo's network; the address itself when it has none. */
export function nameOf(address: string): string {
  const name = NAMES.get(address);
  if (name !== undefined) return name;
  const bytes = parseIpv6(address);
  return bytes !== undefined && isTeredo(bytes, 0, SERVICE_PREFIX) ? "client" : address;
}

const WORDS: Partial<Record<NatKind, string>> = { none: "no NAT", firewall: "firewall, no NAT" };

export function drawing(site: Site): string {
  const client = site.address === site.publicAddress
    ? `client ${site.publicAddress}`
    : `client ${site.address} -- nat ${site.publicAddress}`;
  const kind = WORDS[site.nat] ?? `${site.nat} NAT`;
  const ipv4 = [
    `${client} (${kind})`,
    `server ${SERVER_ADDRESS}, ${SECONDARY_ADDRESS}`,
    `relay ${RELAY_ADDRESS}`,
  ];
  const ipv6 = [`host ${HOST_IPV6}`, `server ${SERVER_IPV6}`, `relay ${RELAY_IPV6}`];
  const width = Math.max(...ipv4.map((text) => text.length));
  const lines = ipv4.map((text, i) => `  ${text.padEnd(width)} --+  +-- ${ipv6[i]}`);
  return ["", `${"IPv4".padStart(width + 6)}  IPv6`, ...lines, ""].join("\n");
}

export const LOOK_FURTHER = `
To look further:
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
