import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { addBytes, finishChecksum, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import {
  completeChecksum,
  fold,
  isChecksumRight,
  makePlainSum,
  makeSum,
  pseudoSum,
  type Sum,
} from "#src/segments/checksum.ts";
import { SUM_MODULE } from "#src/segments/sum_module.ts";
import { fromHex } from "#test/protocol/vectors.ts";

const PAGES = 3;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const u8 = new Uint8Array(memory.buffer);
const sums: readonly [string, Sum][] = [
  ["makeSum()", makeSum(memory)],
  ["makePlainSum()", makePlainSum(memory)],
];

const reference = (at: number, length: number) => fold(addBytes(u8, at, length, 0));

test("the vector module is valid here, so that it is what makeSum() gives", () => {
  assert.ok(WebAssembly.validate(SUM_MODULE));
});

for (const [name, sum] of sums) {
  test(`${name} is 0..0xffff and of network order`, () => {
    for (
      const [hex, expected] of [
        ["", 0],
        ["ab", 0xab00],
        ["0102", 0x0102],
        ["010203", 0x0402],
        ["fffe0001", 0xffff],
        ["ffff0001", 1],
        ["0000".repeat(40), 0],
        ["ffff".repeat(40), 0xffff],
        ["0001".repeat(4 * 16 + 4), 4 * 16 + 4],
      ] as const
    ) {
      for (const at of [0, 1, 2, 3, 64, 65_535]) {
        u8.set(fromHex(hex), at);
        assert.equal(sum(at, hex.length / 2), expected, `${hex} at ${at}`);
      }
    }
  });

  test(`${name} agrees with addBytes() at every length to 300 and every alignment`, () => {
    for (let i = 0; i < 1_000; i++) u8[i] = (i * 2_654_435_761) >>> 13;
    for (let length = 0; length <= 300; length++) {
      for (let at = 0; at < 20; at++) assert.equal(sum(at, length), reference(at, length));
    }
  });

  test(`${name} agrees with addBytes() over random bytes, in one run or in two`, () => {
    const input = [fc.uint8Array({ maxLength: 3_000 }), fc.nat(70), fc.nat(3_000)] as const;
    fc.assert(fc.property(...input, (bytes, at, cut) => {
      u8.set(bytes, at);
      assert.equal(sum(at, bytes.length), reference(at, bytes.length));
      const even = Math.min(cut, bytes.length) & ~1; // only the last run may be odd
      const two = sum(at, even) + sum(at + even, bytes.length - even);
      assert.equal(finishChecksum(two), finishChecksum(addBytes(u8, at, bytes.length, 0)));
    }));
  });

  test(`${name} stays exact where sums are largest, to the memory's last byte`, () => {
    u8.fill(0xff);
    for (const length of [65_535, 65_536, 131_071, 131_072]) {
      const expected = length & 1 ? 0xff00 : 0xffff;
      for (const at of [0, 1, u8.length - length]) assert.equal(sum(at, length), expected);
    }
  });

  test(`${name} and completeChecksum() make what payloadChecksum() calls right`, () => {
    const input = [
      fc.uint8Array({ minLength: 40, maxLength: 1_500 }),
      fc.nat(63),
      fc.constantFrom([6, 16], [17, 6]),
    ] as const;
    fc.assert(fc.property(...input, (bytes, at, [protocol, field]) => {
      const length = 40 + bytes.length;
      u8.set(bytes, at); // random addresses
      u8.set(bytes, at + 40);
      u8.set([0x60, 0, 0, 0, bytes.length >> 8, bytes.length & 0xff, protocol!, 64], at);
      const pseudo = fold(pseudoSum(sum, at, bytes.length, protocol!));
      u8.set([pseudo >> 8, pseudo & 0xff], at + 40 + field!);
      assert.ok(completeChecksum(sum, u8, at, length, 40, field!));
      assert.equal(payloadChecksum(u8, at), 0);
      assert.ok(isChecksumRight(sum, u8, at, length));
      u8[at + 40 + bytes.length - 1]! ^= 0x10;
      assert.ok(!isChecksumRight(sum, u8, at, length));
    }));
  });
}

test("completeChecksum() stores 0xffff for 0, which UDP would take for none", () => {
  const sum = makeSum(memory);
  u8.set([0xff, 0xf0, 0x00, 0x0f, 0, 0, 0, 0]);
  assert.ok(completeChecksum(sum, u8, 0, 8, 0, 6));
  assert.deepEqual([...u8.subarray(6, 8)], [0xff, 0xff]);
});

test("completeChecksum() touches nothing when the field lies beyond the packet", () => {
  const sum = makeSum(memory);
  for (
    const [length, start, offset] of [[60, 40, 19], [60, 59, 0], [60, 65_535, 65_535], [0, 0, 0]]
  ) {
    u8.fill(7);
    assert.equal(completeChecksum(sum, u8, 0, length!, start!, offset!), false);
    assert.ok(u8.every((byte) => byte === 7));
  }
});

test("a sum beyond the memory is an error of the engine, never a read", () => {
  const sum = makeSum(memory);
  for (
    const [at, length] of [[u8.length - 8, 16], [u8.length, 1], [u8.length - 64, 65], [2 ** 31, 64]]
  ) {
    assert.throws(() => sum(at!, length!), WebAssembly.RuntimeError);
  }
});
