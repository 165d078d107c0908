import assert from "node:assert/strict";
import test from "node:test";
import { makeSipHash, SIP_KEY_LENGTH } from "#src/protocol/guard/sip_hash.ts";
import { fromHex, toHex } from "../vectors.ts";

const KEY = Uint8Array.from({ length: SIP_KEY_LENGTH }, (_, i) => i);
const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i);

/** Messages 00 01 02 .. of these lengths; OpenSSL's SIPHASH gives the same. */
const HASHES: readonly (readonly [number, string])[] = [
  [0, "310e0edd47db6f72"],
  [1, "fd67dc93c539f874"],
  [4, "b7877127e09427cf"],
  [7, "37d1018bf50002ab"],
  [8, "6224939a79f5f593"],
  [15, "e545be4961ca29a1"], // the paper's own example
  [16, "db9bc2577fcc2a3f"],
  [24, "94af49f6c650adb8"],
  [63, "724506eb4c328a95"],
];
for (const [length, hash] of HASHES) {
  test(`makeSipHash() hashes ${length} bytes as SipHash-2-4 does`, () => {
    const sipHash = makeSipHash(KEY);
    sipHash(counting(5)); // what went before leaves no trace
    assert.equal(toHex(sipHash(counting(length))), hash);
  });
}

test("makeSipHash() depends on every bit of the key and of the message", () => {
  const message = counting(24);
  const seen = new Set([toHex(makeSipHash(KEY)(message))]);
  for (let bit = 0; bit < 8 * SIP_KEY_LENGTH; bit++) {
    const key = KEY.slice();
    key[bit >> 3]! ^= 1 << (bit & 7);
    seen.add(toHex(makeSipHash(key)(message)));
  }
  for (let bit = 0; bit < 8 * message.length; bit++) {
    const other = message.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    seen.add(toHex(makeSipHash(KEY)(other)));
  }
  assert.equal(seen.size, 1 + 8 * SIP_KEY_LENGTH + 8 * message.length);
});

test("makeSipHash() keeps the key it was given, and refuses one of another length", () => {
  const key = KEY.slice();
  const sipHash = makeSipHash(key);
  key.fill(0);
  assert.equal(toHex(sipHash(fromHex("00"))), "fd67dc93c539f874");
  for (const length of [0, 8, 15, 17, 32]) assert.throws(() => makeSipHash(counting(length)));
});
