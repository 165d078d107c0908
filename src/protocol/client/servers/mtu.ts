import type { ClientOptions } from "../contract.ts";

/** Most that a UDP datagram carries over IPv4. */
const UDP_PAYLOAD_MAX = 65_507;

/**
 * MTU of the link to the IPv6 Internet: what the server in use tells (RFC 4380 §5.2.1), as far as such a
 * packet can wait for its peer. One that cannot would be lost each time its peer is new or was silent.
 *
 * @param server undefined: there is none, and it is the one to begin with
 */
export function mtuOf(
  options: ClientOptions,
  server: { readonly mtu: number } | undefined,
): number {
  if (server === undefined) return options.mtu;
  const most = Math.min(UDP_PAYLOAD_MAX, options.holdBytes, options.holdMemory);
  return Math.max(options.mtu, Math.min(server.mtu, most));
}
