import { type ServerAddresses, SERVERS_MAX } from "#src/protocol/client/contract.ts";
import { isUnicast, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { ClientConfig, ServerName } from "#src/config/config.ts";

/** What is known of a name: its IPv4 addresses, or undefined while there is no answer. */
export type Found = (host: string) => readonly number[] | undefined;

/** Names that somebody has to look up; addresses say themselves what they are. */
export function namesIn(servers: readonly ServerName[]): string[] {
  const hosts = servers.flatMap((
    { host, secondary },
  ) => [host, ...secondary === undefined ? [] : [secondary]]);
  return [...new Set(hosts.filter((host) => parseIpv4(host) === undefined))];
}

/** Whether somebody has to look up names for this. */
export function hasNames({ servers, checkHost }: ClientConfig): boolean {
  const isName = checkHost !== undefined && parseIpv6(checkHost) === undefined;
  return isName || namesIn(servers).length > 0;
}

/** A server, and what of the configuration led to it. */
export interface ChosenServer extends ServerAddresses {
  readonly name: string;
}

/**
 * The servers that these names lead to now, in order, at most {@link SERVERS_MAX}. A name stands for
 * all its addresses, from the lowest up, so that an answer in another order is no other list. An address
 * of an earlier server is not another one: a name often has both addresses of one server.
 */
export function chooseServers(servers: readonly ServerName[], found: Found): ChosenServer[] {
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
      if (chosen.length === SERVERS_MAX) return chosen;
    }
  }
  return chosen;
}

function addressesOf(host: string, found: Found): readonly number[] {
  const address = parseIpv4(host);
  if (address !== undefined) return [address];
  // What filters names answers 0.0.0.0 or 127.0.0.1 for what it blocks: no server is there.
  return (found(host) ?? []).filter(isUnicast).sort((a, b) => a - b);
}
