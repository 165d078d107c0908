/**
 * HalfSipHash-1-3 of four 32-bit words: the hash of a table whose keys strangers choose.
 *
 * Who does not know the key can find no keys that collide, which a plain multiplicative hash with
 * a seed does not promise. The words have a fixed number, so the length is not hashed.
 *
 * @see https://github.com/veorq/SipHash (the construction: Aumasson and Bernstein, 2012)
 */
export function halfSipHash(
  key0: number,
  key1: number,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
): number {
  let v0 = key0 | 0;
  let v1 = key1 | 0;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  // Four rounds take in a word each, three more finish.
  for (let round = 0; round < 7; round++) {
    const word = round === 0
      ? word0
      : round === 1
      ? word1
      : round === 2
      ? word2
      : round === 3
      ? word3
      : 0;
    if (round === 4) v2 ^= 0xff;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return v1 ^ v3;
}
