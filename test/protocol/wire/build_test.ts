import assert from "node:assert/strict";
import test from "node:test";
import {
  ICMPV6_UNREACHABLE,
  UNREACHABLE_PROHIBITED,
  writeIcmpv6Error,
} from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { addressBytes, packet } from "../packets.ts";
import { toHex } from "../vectors.ts";

const ROUTER = addressBytes("2001:db8::ffff");

function errorAbout(length: number, word = 0) {
  const offending = packet(17, "2001:db8::1", "2001:0:1::", new Uint8Array(length - 40).fill(0x5a));
  const b = new Uint8Array(1500).fill(0xee);
  const end = writeIcmpv6Error(
    b,
    4,
    ICMPV6_UNREACHABLE,
    UNREACHABLE_PROHIBITED,
    word,
    ROUTER,
    offending,
    0,
    offending.length,
  );
  return { error: b.subarray(4, end), rest: b.subarray(end), offending };
}

for (
  const [length, quoted] of [
    [40, 40],
    [41, 41],
    [1231, 1231],
    [1232, 1232],
    [1233, 1232],
    [1280, 1232],
    [65_575, 1232],
  ] as const
) {
  test(`writeIcmpv6Error() quotes ${quoted} of ${length} bytes and is right (I-03, I-07)`, () => {
    const { error, rest, offending } = errorAbout(length);
    assert.equal(error.length, 48 + quoted);
    assert.ok(error.length <= 1280);
    assert.equal(toHex(error, 48), toHex(offending, 0, quoted));
    assert.equal(formatIpv6(error, 8), "2001:db8::ffff");
    assert.equal(formatIpv6(error, 24), "2001:db8::1"); // the source of the offending packet
    assert.equal(toHex(error, 40, 2), "0101");
    assert.equal(toHex(error, 44, 4), "00000000");
    assert.equal(payloadChecksum(error, 0), 0);
    assert.ok(rest.every((x) => x === 0xee));
  });
}

test("writeIcmpv6Error() carries an MTU in the word after the checksum (I-05)", () => {
  const { error } = errorAbout(1400, 1280);
  assert.equal(toHex(error, 44, 4), "00000500");
});
