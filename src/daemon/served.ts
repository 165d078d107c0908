import { networkInterfaces } from "node:os";
import type { RelayConfig } from "#src/config/config.ts";
import { MAX_SERVED } from "#src/config/kinds/network.ts";
import { isTeredo } from "#src/protocol/wire/teredo_address.ts";
import {
  formatIpv6Prefix,
  type Ipv6Prefix,
  isGlobalScope,
  parseIpv6,
} from "#src/protocol/wire/ipv6.ts";
import type { Millis } from "#src/protocol/time.ts";

/** How often a relay looks at its host's addresses again. */
export const SERVED_REFRESH: Millis = 10_000;

/** Prefixes that clients may reach; undefined: any. RFC 4380 §5.5 */
export function servedPrefixes(
  relay: RelayConfig,
  own: () => readonly string[] = ownAddresses,
): readonly Ipv6Prefix[] | undefined {
  if (relay.served === "any") return undefined;
  return relay.served === "self" ? hostPrefixes(relay.prefix, own()) : relay.served;
}

/** A prefix of 128 bits for each global address, Teredo addresses excepted; the first MAX_SERVED. */
export function hostPrefixes(
  servicePrefix: number,
  addresses: readonly string[] = ownAddresses(),
): Ipv6Prefix[] {
  return addresses.flatMap((text) => {
    const bytes = parseIpv6(text.replace(/%.*$/, ""));
    const usable = bytes !== undefined && isGlobalScope(bytes, 0) &&
      !isTeredo(bytes, 0, servicePrefix);
    return usable ? [{ bytes, length: 128 }] : [];
  }).slice(0, MAX_SERVED);
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter((it) => it.family === "IPv6" && !it.internal).map((it) => it.address);
}

export function describeServed(prefixes: readonly Ipv6Prefix[] | undefined): string {
  return prefixes === undefined ? "any" : prefixes.map(formatIpv6Prefix).join(",");
}
