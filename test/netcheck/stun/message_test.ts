import assert from "node:assert/strict";
import test from "node:test";
import {
  bindingRequest,
  CHANGE_BOTH,
  CHANGE_NOTHING,
  readBinding,
} from "#src/netcheck/stun/message.ts";
import { concat } from "#test/protocol/packets.ts";
import { fromHex, toHex } from "#test/protocol/vectors.ts";
import { end } from "../seen.ts";

const TRANSACTION = fromHex("b7e7a701bc34d686fa87dfae");
const HEADER = "2112a442b7e7a701bc34d686fa87dfae";
/** The sample response of RFC 5769 §2.2 without its last two attributes: 192.0.2.1:32853. */
const SOFTWARE = "8022000b7465737420766563746f7220";
const XOR_MAPPED = "002000080001a147e112a643";
const MAPPED = "0001000800018055c0000201";
const OTHER = "802c000800010d97c0000202"; // 192.0.2.2:3479
const CHANGED = "0005000800010d97c0000202";

function response(...attributes: readonly string[]): Uint8Array {
  const body = fromHex(attributes.join(""));
  const length = body.length.toString(16).padStart(4, "0");
  return concat(fromHex(`0101${length}${HEADER}`), body);
}

const mapped = end("192.0.2.1:32853");
const other = end("192.0.2.2:3479");

const READ: readonly { name: string; b: Uint8Array; says: object }[] = [
  {
    name: "an xored address",
    b: response(SOFTWARE, XOR_MAPPED),
    says: { mapped, other: undefined },
  },
  { name: "the address of RFC 3489", b: response(MAPPED), says: { mapped, other: undefined } },
  { name: "another address", b: response(XOR_MAPPED, OTHER), says: { mapped, other } },
  { name: "another address of RFC 3489", b: response(MAPPED, CHANGED), says: { mapped, other } },
  {
    name: "the xored address where both are told",
    b: response("0001000800010001c0000209", XOR_MAPPED),
    says: { mapped, other: undefined },
  },
];

for (const { name, b, says } of READ) {
  test(`readBinding() reads ${name}`, () => {
    assert.deepEqual(readBinding(b, TRANSACTION), says);
  });
}

const REFUSED: readonly { name: string; b: Uint8Array }[] = [
  { name: "another transaction", b: response(XOR_MAPPED).with(19, 0) },
  { name: "another cookie", b: response(XOR_MAPPED).with(4, 0) },
  { name: "an error", b: response(XOR_MAPPED).with(1, 0x11) },
  { name: "no address", b: response(SOFTWARE) },
  { name: "an IPv6 address", b: response("00200008000200000000000000") },
  { name: "an attribute past the end", b: response("0020ffff0001a147e112a643") },
];

for (const { name, b } of REFUSED) {
  test(`readBinding() refuses ${name}`, () => {
    assert.equal(readBinding(b, TRANSACTION), undefined);
  });
}

test("readBinding() survives every cut of a response", () => {
  const whole = response(SOFTWARE, XOR_MAPPED, OTHER);
  for (let length = 0; length < whole.length; length++) {
    assert.equal(readBinding(whole.slice(0, length), TRANSACTION), undefined);
  }
});

test("bindingRequest() asks for an answer from elsewhere (RFC 5780 section 7.2)", () => {
  assert.equal(toHex(bindingRequest(TRANSACTION, CHANGE_NOTHING)), `00010000${HEADER}`);
  assert.equal(
    toHex(bindingRequest(TRANSACTION, CHANGE_BOTH)),
    `00010008${HEADER}0003000400000006`,
  );
});
