import type { Subnet } from "#src/protocol/client/contract.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import type { NetworkWatch } from "../host/network.ts";
import { ROOT_SERVERS_4 } from "../host/samples.ts";

/** Where this host stands in its networks, as far as a client goes by it. */
export interface Standpoint {
  /** This host's IPv4 addresses, which no peer has. */
  readonly ownAddresses: readonly number[];
  readonly subnets: readonly Subnet[];
  /** That what goes to the servers leaves from; 0: there is no way out. */
  readonly localAddress: number;
  /** That all is to leave from, and that this host does not have: why there is no way out. */
  readonly missing?: number;
  /** By what it leaves, as `eth0, 192.0.2.1`: another gateway is another NAT. */
  readonly gateway: string;
  /** A way to the IPv6 Internet that is not ours, as `2001:db8::1 by eth0`; undefined: there is none. */
  readonly native: string | undefined;
}

/** Most addresses, and subnets, that are taken into account; see docs/limits.md. */
const MOST = 256;

/**
 * Looks where this host stands now.
 *
 * @param servers IPv4 addresses of those that are known
 * @param own name of our own interface
 * @param source IPv4 address that all leaves from; 0: the kernel chooses
 */
export function standpointOf(
  watch: Pick<NetworkWatch, "look">,
  servers: readonly number[],
  own: string,
  source = 0,
): Standpoint {
  const destinations = [...servers, ROOT_SERVERS_4[0]!];
  const { ipv4, localAddress, way, nativeIpv6 } = watch.look(destinations, own, source);
  const attached = ipv4.slice(0, MOST);
  const isMissing = source !== 0 && localAddress === undefined &&
    !ipv4.some(({ address }) => address === source);
  return {
    ownAddresses: attached.map(({ address }) => address),
    // Nobody else is on loopback.
    subnets: attached.filter(({ loopback }) => !loopback)
      .map(({ address, length }) => ({ address, length })),
    localAddress: localAddress ?? 0,
    ...(isMissing ? { missing: source } : {}),
    gateway: way,
    native: nativeIpv6 && `${formatIpv6(nativeIpv6.address)} by ${nativeIpv6.via}`,
  };
}

/** Two with the same are one network to a client: what it has is as good as it was. */
export function keyOf({ native: _, ...network }: Standpoint): string {
  return JSON.stringify(network);
}
