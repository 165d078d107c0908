import { readU32, writeU32 } from "#src/protocol/wire/bytes.ts";

/**
 * What the inner UDP packets carry, 40 bytes:
 *
 *     0 mark (4)   4 client (4)   8 sequence number (4)   12 its complement (4)   16 zeros (24)
 *
 * A number and its complement add up to the same checksum whatever it is: a packet's UDP
 * checksum is computed once for each client, then only these eight bytes change.
 */
export const PAYLOAD_LENGTH = 40;
const MARK = 0x54_4c_4f_41;
const CLIENT_AT = 4;
const SEQUENCE_AT = 8;
const COMPLEMENT_AT = 12;

export function writePayload(b: Uint8Array, at: number, client: number): void {
  b.fill(0, at, at + PAYLOAD_LENGTH);
  writeU32(b, at, MARK);
  writeU32(b, at + CLIENT_AT, client);
  writeSequence(b, at, 0);
}

export function writeSequence(b: Uint8Array, at: number, sequence: number): void {
  writeU32(b, at + SEQUENCE_AT, sequence);
  writeU32(b, at + COMPLEMENT_AT, ~sequence >>> 0);
}

/** Sequence number of the payload at `at`, or -1 when it is none of ours or was damaged. */
export function sequenceOf(b: Uint8Array, at: number): number {
  const sequence = readU32(b, at + SEQUENCE_AT);
  const whole = readU32(b, at) === MARK && readU32(b, at + COMPLEMENT_AT) === ~sequence >>> 0;
  return whole ? sequence : -1;
}

/** Only after {@link sequenceOf} has found it whole. */
export function payloadClient(b: Uint8Array, at: number): number {
  return readU32(b, at + CLIENT_AT);
}
