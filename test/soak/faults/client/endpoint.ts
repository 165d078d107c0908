import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import type { Ipv4Endpoint } from "#test/netns/raw_ipv4.ts";

/** Of `ADDRESS:PORT`. */
export function parseEndpoint(text: string): Ipv4Endpoint {
  const [address, port] = text.split(":");
  return { address: parseIpv4(address!)!, port: Number(port) };
}
