import { lookup } from "node:dns/promises";
import { resolveIpv4 } from "#src/probe/sockets.ts";
import { whyNoServer, whyNoTarget } from "#src/probe/target.ts";
import { SERVERS_MAX } from "#src/protocol/client/contract.ts";
import {
  chooseServers,
  type ChosenServer,
  type ServerName,
} from "#src/protocol/client/servers/choose.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { isTeredo } from "#src/protocol/wire/teredo_address.ts";

export interface Resolved {
  /** At most SERVERS_MAX, no two with a common address. */
  readonly servers: readonly ChosenServer[];
  /** Why others are not among them. */
  readonly problems: readonly string[];
}

/** The servers that a client would ask by these names, as far as they are of the Internet. */
export async function resolveServers(
  names: readonly ServerName[],
  resolve: (host: string) => Promise<readonly number[]> = resolveIpv4,
): Promise<Resolved> {
  const hosts = names.flatMap(({ host, secondary }) => [host, secondary ?? host]);
  const found = new Map(
    await Promise.all(
      [...new Set(hosts)].map(async (host) => [host, await resolve(host)] as const),
    ),
  );
  const all = chooseServers(names, (host) => found.get(host), Infinity)
    .filter(({ name, primary }) => whyNoServer(name, primary) === undefined);
  const problems = [
    ...names.flatMap((name) => problemsOf(name, found)),
    ...all.slice(SERVERS_MAX).map(tooMany),
  ];
  if (all.length === 0 && problems.length === 0) problems.push(NOBODY);
  return { servers: all.slice(0, SERVERS_MAX), problems };
}

const NOBODY = "No server is left to ask: it takes two different addresses of hosts; name another";

function problemsOf(
  { host, secondary }: ServerName,
  found: ReadonlyMap<string, readonly number[]>,
): string[] {
  const addresses = found.get(host)!;
  const asked = addresses.length === 0 ? [undefined] : addresses;
  const problems = asked.map((address) => whyNoServer(host, address))
    .filter((it) => it !== undefined);
  if (secondary === undefined || found.get(secondary)!.length > 0) return problems;
  const problem =
    `Secondary address ${secondary} has no IPv4 address; the next one is asked instead`;
  return [...problems, problem];
}

function tooMany({ primary }: ChosenServer): string {
  return `Server ${formatIpv4(primary)} is one too many: at most ${SERVERS_MAX} are asked`;
}

/**
 * The native IPv6 host that is meant by an address or a name.
 *
 * @param prefix upper 32 bits of the service prefix, in which no native host is
 * @param resolve a name, to its IPv6 addresses
 * @returns 16 bytes, or what is wrong with it
 */
export async function resolveTarget(
  host: string,
  prefix: number,
  resolve: (host: string) => Promise<readonly Uint8Array[]> = resolveIpv6,
): Promise<Uint8Array | string> {
  const address = parseIpv6(host);
  const found = address === undefined ? await resolve(host) : [address];
  const target = found.find((it) => !isTeredo(it, 0, prefix)) ?? found[0];
  if (target === undefined) {
    return `${host} has no IPv6 address, or cannot be looked up; name another host to ping, or let this ` +
      "host reach its name servers";
  }
  return whyNoTarget(host, target, prefix) ?? target;
}

async function resolveIpv6(host: string): Promise<readonly Uint8Array[]> {
  try {
    const found = await lookup(host, { family: 6, all: true });
    return found.map(({ address }) => parseIpv6(address)).filter((it) => it !== undefined);
  } catch {
    return [];
  }
}
