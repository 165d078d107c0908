import assert from "node:assert/strict";
import test from "node:test";
import { halfSipHash } from "#src/protocol/guard/half_sip_hash.ts";

const WORDS = [0x20010000, 0x4136e378, 0x000063bf, 0x3ffffdd2];

/** Hash of the four words, under a key, with one bit of the six changed; none when -1. */
function hash(flipped: number, seed: number): number {
  const words = [seed, seed * 7, ...WORDS];
  if (flipped >= 0) words[flipped >> 5]! ^= 1 << (flipped & 31);
  const [k0, k1, w0, w1, w2, w3] = words as [number, number, number, number, number, number];
  return halfSipHash(k0, k1, w0, w1, w2, w3);
}

function countBits(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

test("halfSipHash() changes about half of its bits for any bit of words and key", () => {
  const rounds = 64;
  for (let bit = 0; bit < 6 * 32; bit++) {
    let changed = 0;
    for (let i = 0; i < rounds; i++) {
      const seed = Math.imul(i + 1, 0x9e3779b9);
      changed += countBits(hash(bit, seed) ^ hash(-1, seed));
    }
    assert.ok(Math.abs(changed / rounds - 16) < 2.5, `bit ${bit}: ${changed / rounds}`);
  }
});

test("halfSipHash() is the same for words that are written as signed or unsigned", () => {
  assert.equal(
    halfSipHash(1, 2, -1, -2, -3, -4),
    halfSipHash(1, 2, 2 ** 32 - 1, 2 ** 32 - 2, -3, -4),
  );
});
