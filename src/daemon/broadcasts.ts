import { networkInterfaces } from "node:os";
import { MAX_BROADCASTS } from "#src/protocol/guard/broadcasts.ts";
import { isGlobalUnicast, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Millis } from "#src/protocol/time.ts";

/** How often the subnets that the host is attached to are looked at again. */
export const BROADCASTS_REFRESH: Millis = 10_000;

/** Of a subnet with fewer host bits no address is a broadcast. RFC 3021 */
const HOST_BITS_MIN = 2;

/** An IPv4 address of this host with the mask of its subnet, both as text. */
export interface Attached {
  readonly address: string;
  readonly netmask: string;
}

/**
 * The first and the last address of each attached subnet, ascending: directed broadcasts, the first
 * one by the older custom. Without those that no peer may have anyway; the first MAX_BROADCASTS.
 *
 * A broadcast address that was set to another by hand is not among them: there the kernel refuses to
 * send.
 */
export function attachedBroadcasts(attached: readonly Attached[] = attachedSubnets()): number[] {
  const all = attached.flatMap(({ address, netmask }) => {
    const [host, mask] = [parseIpv4(address), parseIpv4(netmask)];
    if (host === undefined || mask === undefined) return [];
    const size = 2 ** 32 - mask;
    if (size < 2 ** HOST_BITS_MIN) return [];
    const first = host - host % size;
    return [first, first + size - 1].filter((it) => isGlobalUnicast(it, false));
  });
  return [...new Set(all)].sort((a, b) => a - b).slice(0, MAX_BROADCASTS);
}

function attachedSubnets(): Attached[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ family }) => family === "IPv4");
}
