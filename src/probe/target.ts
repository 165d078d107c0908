import { formatIpv4, isGlobalUnicast } from "#src/protocol/wire/ipv4.ts";
import { isGlobalScope, isMulticast } from "#src/protocol/wire/ipv6.ts";
import { isTeredo } from "#src/protocol/wire/teredo_address.ts";

/**
 * Why a host cannot be pinged by way of a server and a relay; undefined: it can.
 *
 * @param host as it was given
 * @param target its 16 bytes
 * @param prefix upper 32 bits of the service prefix: whoever is in it is another client
 */
export function whyNoTarget(host: string, target: Uint8Array, prefix: number): string | undefined {
  if (isTeredo(target, 0, prefix)) {
    return `${host} is a Teredo address: give a host with native IPv6`;
  }
  if (isMulticast(target, 0) || !isGlobalScope(target, 0)) {
    return `${host} is not an address of the IPv6 Internet`;
  }
  return undefined;
}

/** Why no Teredo server is at the address that a host was found to have; undefined: one may be. */
export function whyNoServer(host: string, address: number | undefined): string | undefined {
  if (address === undefined) {
    return `Server ${host} has no IPv4 address, or cannot be looked up; name another, or let this host ` +
      "reach its name servers";
  }
  if (isGlobalUnicast(address, false)) return undefined;
  return `Server ${formatIpv4(address)} is not a public address: no Teredo server is there`;
}
