import { readU16, readU32 } from "#src/protocol/wire/bytes.ts";
import { MAPPED_ADDRESS_AT, MAPPED_PORT_AT } from "#src/protocol/wire/teredo_address.ts";

/**
 * Which worker an address belongs to: a function of the address alone, which the kernel computes as
 * well (`linux/steering.ts`), so that everybody who asks gets the same answer.
 */

/** Odd numbers whose products spread neighbouring addresses and ports over all bits. */
export const ADDRESS_FACTOR = 0x9e3779b1;
export const SPREAD_FACTOR = 0x85ebca6b;

/** Of a 32-bit number, 0 to `workers` - 1: its upper bits, in which all others have a say. */
function spread(value: number, workers: number): number {
  return ((Math.imul(value, SPREAD_FACTOR) >>> 16) * workers) >>> 16;
}

/** The worker of a relay's peer, by its Teredo address: 16 bytes at `addressAt`. */
export function workerOf(b: Uint8Array, addressAt: number, workers: number): number {
  const address = Math.imul(readU32(b, addressAt + MAPPED_ADDRESS_AT), ADDRESS_FACTOR);
  return spread(address ^ readU16(b, addressAt + MAPPED_PORT_AT), workers);
}

/** The worker of a server for what comes from an IPv4 address. */
export function workerOfSource(address: number, workers: number): number {
  return spread(Math.imul(address, ADDRESS_FACTOR), workers);
}
