import { isUnicast, parseIpv4 } from "../../wire/ipv4.ts";
import { type ServerAddresses, SERVERS_MAX } from "../contract.ts";

/** A server as its operator names it. */
export interface ServerName {
  /** A host name, which stands for all its A records, or a dotted quad. */
  readonly host: string;
  /** The same of its secondary address; undefined: the address after the primary one. RFC 4380 §5.2 */
  readonly secondary: string | undefined;
}

/** What is known of a name: its IPv4 addresses, or undefined while there is no answer. */
export type Found = (host: string) => readonly number[] | undefined;

/** A server, and what of the configuration led to it. */
export interface ChosenServer extends ServerAddresses {
  readonly name: string;
}

/**
 * The servers that these names lead to now, in order. A name stands for all its addresses, from the
 * lowest up, so that an answer in another order is no other list. An address of an earlier server is
 * not another one: a name often has both addresses of one server.
 *
 * @param most how many at most
 */
export function chooseServers(
  servers: readonly ServerName[],
  found: Found,
  most = SERVERS_MAX,
): ChosenServer[] {
  const chosen: ChosenServer[] = [];
  const taken = new Set<number>();
  for (const { host, secondary: other } of servers) {
    const [given] = other === undefined ? [] : addressesOf(other, found);
    // It can be the second address of one server only.
    let secondary = given;
    for (const primary of addressesOf(host, found)) {
      const server = { name: host, primary, secondary: secondary ?? primary + 1 };
      secondary = undefined;
      if (taken.has(server.primary) || taken.has(server.secondary)) continue;
      if (server.primary === server.secondary) continue;
      chosen.push(server);
      taken.add(server.primary).add(server.secondary);
      if (chosen.length === most) return chosen;
    }
  }
  return chosen;
}

function addressesOf(host: string, found: Found): readonly number[] {
  const address = parseIpv4(host);
  if (address !== undefined) return [address];
  return inOrder(found(host) ?? []);
}

/** What of a name's addresses can be a server's, in the order in which they are taken. */
export function inOrder(addresses: readonly number[]): readonly number[] {
  // What filters names answers 0.0.0.0 or 127.0.0.1 for what it blocks: no server is there.
  return addresses.filter(isUnicast).sort((a, b) => a - b);
}
