import assert from "node:assert/strict";
import test from "node:test";
import {
  addBytes,
  addPseudoHeader,
  finishChecksum,
  payloadChecksum,
} from "#src/protocol/wire/checksum.ts";
import { fromHex, vector } from "../vectors.ts";

test("finishChecksum(addBytes()) gives the example of RFC 1071 §3", () => {
  const bytes = fromHex("0001 f203 f4f5 f6f7");
  assert.equal(addBytes(bytes, 0, 8, 0), 0x2ddf0);
  assert.equal(finishChecksum(0x2ddf0), ~0xddf2 & 0xffff);
});

test("addBytes() pads an odd last byte with zero on its right", () => {
  assert.equal(addBytes(fromHex("010203"), 0, 3, 0), 0x0102 + 0x0300);
  assert.equal(addBytes(fromHex("ff"), 0, 1, 5), 0xff00 + 5);
  assert.equal(addBytes(fromHex("ff"), 0, 0, 5), 5);
});

test("finishChecksum() folds as often as it takes", () => {
  for (
    const [sum, checksum] of [
      [0, 0xffff],
      [0xffff, 0],
      [0x10000, 0xfffe],
      [0x1ffff, 0xfffe],
      [0xffffffff, 0],
      [0x8000_0000_0000, 0x7fff],
    ] as const
  ) assert.equal(finishChecksum(sum), checksum, sum.toString(16));
});

test("addBytes() stays exact over the longest payload there is", () => {
  const longest = new Uint8Array(65_535).fill(0xff);
  assert.equal(finishChecksum(addBytes(longest, 0, longest.length, 0)), ~0xff00 & 0xffff);
});

test("payloadChecksum() is 0 over each vector that carries one", () => {
  for (
    const [id, at] of [
      ["R1", 0],
      ["R2", 0],
      ["R4", 13],
      ["R5", 0],
      ["M1", 8],
      ["M4", 8],
      ["E1", 0],
      ["E2", 0],
      ["U1", 0],
    ] as const
  ) assert.equal(payloadChecksum(vector(id), at), 0, id);
});

test("addPseudoHeader() takes addresses, length and next header", () => {
  const packet = fromHex("6000000000083aff" + "0001".repeat(8) + "0002".repeat(8));
  assert.equal(addPseudoHeader(packet, 0, 0), 8 * 1 + 8 * 2 + 8 + 58);
});
