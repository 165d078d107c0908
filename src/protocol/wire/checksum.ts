import { readU16 } from "./bytes.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  NEXT_HEADER_AT,
  PAYLOAD_LENGTH_AT,
  SOURCE_AT,
} from "./ipv6.ts";

/**
 * Internet checksum (RFC 1071), as composable sums: add runs of bytes and words in any order, then
 * {@link finishChecksum}. A run of odd length must be the last one added.
 */

/** `sum` plus the 16-bit words of `length` bytes at `at`; not yet folded. Exact up to 64 KiB a call. */
export function addBytes(b: Uint8Array, at: number, length: number, sum: number): number {
  const even = at + (length & ~1);
  for (let i = at; i < even; i += 2) sum += (b[i]! << 8) | b[i + 1]!;
  if (length & 1) sum += b[even]! << 8;
  return sum;
}

/** Folds to 16 bits and complements. */
export function finishChecksum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Pseudo-header of RFC 8200 §8.1 for the packet at `at`: addresses, length, next header. */
export function addPseudoHeader(b: Uint8Array, at: number, sum: number): number {
  sum = addBytes(b, at + SOURCE_AT, DESTINATION_AT - SOURCE_AT + 16, sum);
  return sum + readU16(b, at + PAYLOAD_LENGTH_AT) + b[at + NEXT_HEADER_AT]!;
}

/**
 * Checksum of the upper-layer payload that follows the IPv6 header at `at`.
 *
 * With the checksum field zeroed it is the value to store; over a correct packet it is 0.
 */
export function payloadChecksum(b: Uint8Array, at: number): number {
  const length = readU16(b, at + PAYLOAD_LENGTH_AT);
  return finishChecksum(addBytes(b, at + IPV6_HEADER_LENGTH, length, addPseudoHeader(b, at, 0)));
}
