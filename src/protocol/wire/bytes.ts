/** Big-endian (network order) reads and writes on bytes the caller owns. Offsets are not checked. */

export function readU16(b: Uint8Array, at: number): number {
  return (b[at]! << 8) | b[at + 1]!;
}

/** Unsigned: the result is 0..0xffffffff, never negative. */
export function readU32(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}

export function writeU16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}

export function writeU32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

/**
 * Copies `length` bytes without allocating a view.
 *
 * Two regions of one array may overlap only when `to <= from`.
 */
export function copyBytes(
  target: Uint8Array,
  to: number,
  source: Uint8Array,
  from: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
}

/**
 * Whether two runs of bytes are equal, in a time that depends on `length` alone.
 *
 * For tokens and authentication values, where an early exit would tell a sender how much of its
 * guess was right.
 */
export function equalInConstantTime(
  a: Uint8Array,
  aAt: number,
  b: Uint8Array,
  bAt: number,
  length: number,
): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= a[aAt + i]! ^ b[bAt + i]!;
  return difference === 0;
}
