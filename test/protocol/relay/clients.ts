import { teredo } from "../packets.ts";
import { RELAY, RELAY_PORT } from "../vectors.ts";

/** Clients of all sorts: good ones, and ones whose addresses embed what must not be sent to. */
export const MAPPED: readonly (readonly [address: number, port: number, server: number])[] = [
  [0xc0000201, 4_000, 0x4136e378],
  [0xc0000202, 4_000, 0x4136e378],
  [0xc0000202, 4_001, 0x4136e378],
  [0xc0000203, 65_535, 0x4136e379],
  [0xc0000203, 65_534, 0x4136e378],
  [0xc0000204, 4_000, 0xc0000204],
  [0xc0000204, 0, 0x4136e378],
  [0xc0000205, 4_000, 0x0a000001],
  [0x0a000001, 4_000, 0x4136e378],
  [0xe0000001, 4_000, 0x4136e378],
  [RELAY, RELAY_PORT, 0x4136e378],
  [0xc0000206, 4_000, RELAY],
  [0x080808ff, 4_000, 0x4136e378],
];
export const CLIENTS = MAPPED.map(([address, port, server]) => teredo(address, port, server));
