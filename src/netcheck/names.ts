import { lookup } from "node:dns/promises";
import { resolveIpv4 } from "#src/probe/sockets.ts";
import { whyNoServer, whyNoTarget } from "#src/probe/target.ts";
import { SERVERS_MAX } from "#src/protocol/client/contract.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { isTeredo, SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import type { NamedServer } from "./measure/servers.ts";

/** A server as a user names it. */
export interface ServerText {
  /** Name or IPv4 address. */
  readonly host: string;
  /** The same of its secondary address; undefined: the primary one + 1. RFC 4380 §5.2 */
  readonly secondary: string | undefined;
}

export interface Resolved {
  /** At most SERVERS_MAX, no two with a common address. */
  readonly servers: readonly NamedServer[];
  /** Why others are not among them. */
  readonly problems: readonly string[];
}

/** All servers that are meant: a name counts with every address it has. */
export async function resolveServers(texts: readonly ServerText[]): Promise<Resolved> {
  const found = await Promise.all(texts.map(async (text) => ({
    text,
    addresses: await resolveIpv4(text.host),
    others: text.secondary === undefined ? [] : await resolveIpv4(text.secondary),
  })));
  const servers: NamedServer[] = [];
  const problems: string[] = [];
  const taken = new Set<number>();
  for (const { text: { host, secondary: other }, addresses, others } of found) {
    if (addresses.length === 0) problems.push(whyNoServer(host, undefined)!);
    if (other !== undefined && others.length === 0) {
      problems.push(
        `Secondary address ${other} has no IPv4 address; the next one is asked instead`,
      );
    }
    for (const primary of addresses) {
      const secondary = others[0] ?? primary + 1;
      const problem = whyNoServer(host, primary) ?? tooMany(primary, servers.length);
      if (problem !== undefined) problems.push(problem);
      else if (!taken.has(primary) && !taken.has(secondary)) {
        taken.add(primary).add(secondary);
        servers.push({ name: host, primary, secondary });
      }
    }
  }
  return { servers, problems };
}

function tooMany(primary: number, count: number): string | undefined {
  if (count < SERVERS_MAX) return undefined;
  return `Server ${formatIpv4(primary)} is one too many: at most ${SERVERS_MAX} are asked`;
}

/**
 * The native IPv6 host that is meant by an address or a name.
 *
 * @returns 16 bytes, or what is wrong with it
 */
export async function resolveTarget(host: string): Promise<Uint8Array | string> {
  const target = parseIpv6(host) ?? await nativeAddressOf(host);
  if (target === undefined) return `${host} has no IPv6 address`;
  return whyNoTarget(host, target) ?? target;
}

async function nativeAddressOf(host: string): Promise<Uint8Array | undefined> {
  try {
    const found = await lookup(host, { family: 6, all: true });
    const addresses = found.map(({ address }) => parseIpv6(address)!);
    return addresses.find((it) => !isTeredo(it, 0, SERVICE_PREFIX)) ?? addresses[0];
  } catch {
    return undefined;
  }
}
