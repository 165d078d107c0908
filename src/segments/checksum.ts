import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { finishChecksum } from "#src/protocol/wire/checksum.ts";
import {
  DESTINATION_AT,
  IPV6_HEADER_LENGTH,
  IPV6_LENGTH,
  NEXT_HEADER_AT,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import { SUM_MODULE } from "./sum_module.ts";

/**
 * Ones-complement sum of the `length` bytes from `at` of one memory, as 16-bit words in network order
 * and folded: 0..0xffff. Any alignment, any length up to 128 KiB; a last odd byte counts as the high
 * half of a word (RFC 1071 §1). The bytes must lie within the memory.
 *
 * Sums are added up and end in `finishChecksum()`. All but the last must be of an even length.
 */
export type Sum = (at: number, length: number) => number;

/** Both addresses, which lie side by side in an IPv6 header. */
const ADDRESSES_LENGTH = DESTINATION_AT + IPV6_LENGTH - SOURCE_AT;

/**
 * The fastest sum over `memory` that this engine has: vector instructions, which add several times as
 * many bytes a second as TypeScript does (`scripts/bench_micro.ts` measures it).
 */
export function makeSum(memory: WebAssembly.Memory): Sum {
  // JavaScriptCore has no vectors on a processor without AVX.
  if (!WebAssembly.validate(SUM_MODULE)) return makePlainSum(memory);
  const module = new WebAssembly.Module(SUM_MODULE);
  return new WebAssembly.Instance(module, { arena: { memory } }).exports["sum"] as Sum;
}

/** The same sum in TypeScript. */
export function makePlainSum(memory: WebAssembly.Memory): Sum {
  const u8 = new Uint8Array(memory.buffer);
  const i32 = new Int32Array(memory.buffer);
  return (at, length) => {
    const end = at + length;
    const wordsAt = Math.min((at + 3) & ~3, end);
    const wordsEnd = Math.max(end & ~3, wordsAt);
    let edges = 0;
    for (let i = at; i < wordsAt; i++) edges += u8[i]! << ((i - at) & 1 ? 0 : 8);
    for (let i = wordsEnd; i < end; i++) edges += u8[i]! << ((i - at) & 1 ? 0 : 8);
    let low = 0;
    let high = 0;
    const last = wordsEnd >>> 2;
    for (let i = wordsAt >>> 2; i < last; i++) {
      // 128 KiB of ones do not exceed 2^31: so the engine can stay with 32-bit numbers.
      low = (low + (i32[i]! & 0xffff)) | 0;
      high = (high + (i32[i]! >>> 16)) | 0;
    }
    // The array's words are little-endian: the other way round, unless an odd byte came before them.
    const words = fold(low + high);
    return fold(edges + ((wordsAt - at) & 1 ? words : ((words & 0xff) << 8) | (words >>> 8)));
  };
}

/** 0..0xffff; keeps the ones-complement value of a `sum` below 2^48. */
export function fold(sum: number): number {
  return ~finishChecksum(sum) & 0xffff;
}

/**
 * Pseudo-header of RFC 8200 §8.1 without routing header, for the packet whose IPv6 header is at `at`:
 * addresses, upper-layer length and protocol. Not folded.
 */
export function pseudoSum(sum: Sum, at: number, upperLength: number, protocol: number): number {
  return sum(at + SOURCE_AT, ADDRESSES_LENGTH) + upperLength + protocol;
}

/**
 * Whether the checksum of the packet at `at` is right. `length` is header and payload, all of which the
 * upper-layer protocol follows at once, without extension headers.
 */
export function isChecksumRight(sum: Sum, b: Uint8Array, at: number, length: number): boolean {
  // Addresses and payload adjoin: one run, each byte of it once.
  const bytes = sum(at + SOURCE_AT, length - SOURCE_AT);
  return finishChecksum(bytes + length - IPV6_HEADER_LENGTH + b[at + NEXT_HEADER_AT]!) === 0;
}

/**
 * Completes a packet that a kernel left its checksum to us: the field already has the sum of the
 * pseudo-header.
 *
 * @param b the memory that `sum` adds up
 * @param length of the packet at `at`
 * @param checksumStart from `at`: where summing begins
 * @param checksumOffset from there: the field
 * @returns false, with nothing changed, if these do not lie within the packet
 */
export function completeChecksum(
  sum: Sum,
  b: Uint8Array,
  at: number,
  length: number,
  checksumStart: number,
  checksumOffset: number,
): boolean {
  if (checksumStart + checksumOffset + 2 > length) return false;
  const checksum = finishChecksum(sum(at + checksumStart, length - checksumStart));
  // 0 would mean "none" in UDP; for other protocols the two are equal. RFC 8200 §8.1
  writeU16(b, at + checksumStart + checksumOffset, checksum === 0 ? 0xffff : checksum);
  return true;
}
