const SECTION_HEADER = 0x0a0d0d0a;
const ENHANCED_PACKET = 6;
/** Type and length at one end of a block, the length again at the other. */
const SMALLEST_BLOCK = 12;
const TIME_HIGH_AT = 12;
const TIME_LOW_AT = 16;

/** What a capture holds. */
export interface Extent {
  readonly packets: number;
  /** From the first packet to the last, in microseconds. */
  readonly time: number;
}

/**
 * How much is in a pcapng file as daemons of ours write it: little-endian, times in microseconds.
 *
 * @returns undefined for what is none, or not all of one
 */
export function extentOf(bytes: Uint8Array): Extent | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (at: number) => view.getUint32(at, true);
  if (bytes.length < SMALLEST_BLOCK || u32(0) !== SECTION_HEADER) return undefined;
  let packets = 0;
  let [first, last] = [Infinity, -Infinity];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < SMALLEST_BLOCK) return undefined;
    const length = u32(at + 4);
    if (length < SMALLEST_BLOCK || length > bytes.length - at) return undefined;
    if (u32(at + length - 4) !== length) return undefined;
    if (u32(at) === ENHANCED_PACKET && length > TIME_LOW_AT + 4) {
      const time = u32(at + TIME_HIGH_AT) * 2 ** 32 + u32(at + TIME_LOW_AT);
      [first, last] = [Math.min(first, time), Math.max(last, time)];
      packets++;
    }
    at += length;
  }
  return { packets, time: packets === 0 ? 0 : last - first };
}
