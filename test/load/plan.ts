import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import {
  hasMapping,
  isTeredo,
  mappedAddressOf,
  writeTeredoAddress,
} from "#src/protocol/wire/teredo_address.ts";

/**
 * Who is who in a load run. Both generator processes compute it; nothing is exchanged.
 *
 * The whole network is routed to the generator's namespace and local there, so that one socket on
 * the wildcard address is every client and, at `.0.1`, the clients' server. Part of 100.64.0.0/10,
 * shared address space (RFC 6598): what is reserved for benchmarks (RFC 2544) has no room for a million.
 */
export const GENERATOR_NETWORK = "100.64.0.0/11";
const NETWORK = parseIpv4("100.64.0.0")!;
export const GENERATOR_SERVER: number = NETWORK + 1;
const FIRST_CLIENT = NETWORK + 256;
export const MAX_CLIENTS = 1_100_000;
/** Port of every client and of their server. */
export const GENERATOR_PORT = 3544;
/** UDP port that both ends of the inner packets use. */
export const INNER_PORT = 9;

export const PREFIX = 0x20010000;
/** As a client behind any NAT draws it: random bits set, cone bit clear. RFC 5991 §3.1 */
const FLAGS = 0x1234;

export function clientAddress(client: number): number {
  return FIRST_CLIENT + client;
}

/** The Teredo address of a client in 16 bytes of its own. */
export function clientIpv6(client: number): Uint8Array {
  const bytes = new Uint8Array(IPV6_LENGTH);
  writeTeredoAddress(bytes, 0, {
    prefix: PREFIX,
    serverAddress: GENERATOR_SERVER,
    flags: FLAGS,
    mappedAddress: clientAddress(client),
    mappedPort: GENERATOR_PORT,
  });
  return bytes;
}

/** Which of `clients` the Teredo address at `at` belongs to, or -1. */
export function clientOf(b: Uint8Array, at: number, clients: number): number {
  const client = mappedAddressOf(b, at) - FIRST_CLIENT;
  const known = client >= 0 && client < clients && isTeredo(b, at, PREFIX) &&
    hasMapping(b, at, clientAddress(client), GENERATOR_PORT);
  return known ? client : -1;
}
