import type { Endpoint } from "../checks/traffic.ts";
import { parsePeerQuery } from "#src/protocol/peers/query.ts";
import type { PeerRow } from "#src/protocol/peers/row.ts";
import { IPV6_LENGTH } from "#src/protocol/wire/ipv6.ts";
import {
  isTeredo,
  mappedAddressOf,
  mappedPortOf,
  toBytes,
} from "#src/protocol/wire/teredo_address.ts";
import { BadParameters } from "./parameters.ts";

/** What an explanation is asked of. */
export type Subject =
  | { readonly kind: "client"; readonly address: Uint8Array }
  | { readonly kind: "host"; readonly address: Uint8Array }
  | { readonly kind: "mapping"; readonly address: number; /** 0: any */ readonly port: number };

/** A port as NATs give them, where none is named. */
const SOME_PORT = 53_211;

/** @param prefix upper 32 bits of what is a Teredo address @throws BadParameters */
export function parseSubject(text: string | undefined, prefix: number): Subject {
  const query = parsePeerQuery(text ?? "");
  if (query !== undefined && "ipv4" in query && query.length === 32) {
    return { kind: "mapping", address: query.ipv4, port: query.port };
  }
  if (query !== undefined && "ipv6" in query && query.length === 8 * IPV6_LENGTH) {
    const address = query.ipv6;
    return { kind: isTeredo(address, 0, prefix) ? "client" : "host", address };
  }
  throw new BadParameters("address: a Teredo address, A.B.C.D, A.B.C.D:PORT or an IPv6 address");
}

/** Of those at one mapping the one that is there, as far as any is. */
export function likeliest(rows: readonly PeerRow[]): PeerRow | undefined {
  const rank = (row: PeerRow) => row.trusted ? row.receivedAgo : Infinity;
  return rows.toSorted((a, b) => rank(a) - rank(b))[0];
}

/** A client at a mapping that no peer has. @param any one whose server is as good as any */
export function clientAt(
  address: number,
  port: number,
  prefix: number,
  server: number,
): Uint8Array {
  return toBytes({
    prefix,
    serverAddress: server,
    flags: 0,
    mappedAddress: address,
    mappedPort: port === 0 ? SOME_PORT : port,
  });
}

/** Where datagrams to a client go. */
export function endOf(client: Uint8Array, row: PeerRow | undefined): Endpoint {
  return row === undefined
    ? { address: mappedAddressOf(client, 0), port: mappedPortOf(client, 0) }
    : { address: row.mappedAddress, port: row.mappedPort };
}
