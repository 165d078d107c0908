import type { KeyedHash } from "../time.ts";

export const SIP_KEY_LENGTH = 16;
const HASH_LENGTH = 8;
/** Bytes taken in at a time. */
const BLOCK = 8;
const COMPRESSION_ROUNDS = 2;
const FINAL_ROUNDS = 4;

/**
 * SipHash-2-4 under `key`, 16 bytes: a keyed hash of 64 bits, made for short messages.
 *
 * A bubble to a new peer needs one, and whoever scans the prefix makes us send bubbles: so it must
 * leave no object behind, as the platform's HMAC does. Its 8 bytes are the same array each time.
 *
 * @see https://github.com/veorq/SipHash (Aumasson and Bernstein, 2012)
 */
export function makeSipHash(key: Uint8Array): KeyedHash {
  if (key.length !== SIP_KEY_LENGTH) throw new RangeError(`A key of ${key.length} bytes`);
  const initial = Int32Array.of(
    0x70736575 ^ readLittleEndian(key, 0),
    0x736f6d65 ^ readLittleEndian(key, 4),
    0x6e646f6d ^ readLittleEndian(key, 8),
    0x646f7261 ^ readLittleEndian(key, 12),
    0x6e657261 ^ readLittleEndian(key, 0),
    0x6c796765 ^ readLittleEndian(key, 4),
    0x79746573 ^ readLittleEndian(key, 8),
    0x74656462 ^ readLittleEndian(key, 12),
  );
  const state = new Int32Array(initial.length);
  const last = new Uint8Array(BLOCK);
  const result = new Uint8Array(HASH_LENGTH);
  return (message) => {
    state.set(initial);
    const whole = message.length & ~(BLOCK - 1);
    for (let at = 0; at < whole; at += BLOCK) takeIn(state, message, at);
    last.fill(0);
    for (let i = whole; i < message.length; i++) last[i - whole] = message[i]!;
    last[BLOCK - 1] = message.length;
    takeIn(state, last, 0);
    state[4]! ^= 0xff;
    rounds(state, FINAL_ROUNDS);
    writeLittleEndian(result, 0, state[0]! ^ state[2]! ^ state[4]! ^ state[6]!);
    writeLittleEndian(result, 4, state[1]! ^ state[3]! ^ state[5]! ^ state[7]!);
    return result;
  };
}

function takeIn(state: Int32Array, b: Uint8Array, at: number): void {
  const low = readLittleEndian(b, at);
  const high = readLittleEndian(b, at + 4);
  state[6]! ^= low;
  state[7]! ^= high;
  rounds(state, COMPRESSION_ROUNDS);
  state[0]! ^= low;
  state[1]! ^= high;
}

/** The state is v0 to v3, 64 bits each, the lower half first. */
function rounds(state: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    add(state, 0, 2);
    rotateAndXor(state, 2, 13, 0);
    swapHalves(state, 0);
    add(state, 4, 6);
    rotateAndXor(state, 6, 16, 4);
    add(state, 0, 6);
    rotateAndXor(state, 6, 21, 0);
    add(state, 4, 2);
    rotateAndXor(state, 2, 17, 4);
    swapHalves(state, 4);
  }
}

/** state[a] += state[b] */
function add(state: Int32Array, a: number, b: number): void {
  const low = (state[a]! >>> 0) + (state[b]! >>> 0);
  state[a] = low;
  state[a + 1]! += state[b + 1]! + (low > 0xffffffff ? 1 : 0);
}

/** state[a] = (state[a] rotated left by `bits`, fewer than 32) ^ state[b] */
function rotateAndXor(state: Int32Array, a: number, bits: number, b: number): void {
  const low = state[a]!;
  const high = state[a + 1]!;
  state[a] = ((low << bits) | (high >>> (32 - bits))) ^ state[b]!;
  state[a + 1] = ((high << bits) | (low >>> (32 - bits))) ^ state[b + 1]!;
}

/** Rotates by 32. */
function swapHalves(state: Int32Array, a: number): void {
  const low = state[a]!;
  state[a] = state[a + 1]!;
  state[a + 1] = low;
}

function readLittleEndian(b: Uint8Array, at: number): number {
  return b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24);
}

function writeLittleEndian(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
  b[at + 2] = value >>> 16;
  b[at + 3] = value >>> 24;
}
