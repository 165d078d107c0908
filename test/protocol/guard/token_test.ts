import assert from "node:assert/strict";
import test from "node:test";
import { mayBeToken, TOKEN_WINDOW, Tokens } from "#src/protocol/guard/token.ts";
import { addressBytes, change, concat } from "../packets.ts";
import { keyedHash } from "../relay/lab.ts";
import { fromHex, toHex, vector } from "../vectors.ts";

const A2 = vector("A2");
const START = 40 * TOKEN_WINDOW;

function write(tokens: Tokens, peer: Uint8Array, now: number): Uint8Array {
  const address = new Uint8Array(16).fill(0xff);
  tokens.write(address, 0, peer, 0, now);
  return address;
}

test("Tokens.write() makes fe80:: and the start of the hash of address and window (H-05, R-22)", () => {
  const hash = keyedHash("key");
  const address = write(new Tokens(hash), A2, 41 * TOKEN_WINDOW);
  const expected = hash(concat(A2, fromHex("0000000000000029"))).slice(0, 8);
  expected[0]! &= 0xfc; // universal/local and group bits
  expected[7]! |= 1; // window 41 is odd
  assert.equal(toHex(address), "fe80000000000000" + toHex(expected));
});

test("Tokens.write() writes nothing but its 16 bytes", () => {
  const b = new Uint8Array(20).fill(0xee);
  new Tokens(keyedHash("key")).write(b, 2, concat(Uint8Array.of(1), A2), 1, START);
  assert.equal(toHex(b, 0, 2) + toHex(b, 18), "eeeeeeee");
  assert.equal(toHex(b, 2, 16), toHex(write(new Tokens(keyedHash("key")), A2, START)));
});

for (
  const [age, accepted] of [
    [0, true],
    [TOKEN_WINDOW - 1, true],
    [TOKEN_WINDOW, true],
    [2 * TOKEN_WINDOW - 1, true],
    [2 * TOKEN_WINDOW, false],
    [3 * TOKEN_WINDOW, false],
    [10 * TOKEN_WINDOW, false],
    [-TOKEN_WINDOW, false],
  ] as const
) {
  test(`Tokens.matches() is ${accepted} ${age} ms after the window's start (R-22)`, () => {
    const tokens = new Tokens(keyedHash("key"));
    for (const start of [START, START + TOKEN_WINDOW]) {
      const address = write(tokens, A2, start);
      assert.equal(tokens.matches(address, 0, A2, 0, start + age), accepted);
    }
  });
}

test("Tokens.matches() accepts each token for 30 s and more (R-14, R-22)", () => {
  const tokens = new Tokens(keyedHash("key"));
  for (let now = START; now < START + 2 * TOKEN_WINDOW; now += 1_111) {
    const address = write(tokens, A2, now);
    assert.ok(tokens.matches(address, 0, A2, 0, now + 30_000));
  }
});

test("Tokens.matches() refuses any bit changed, another peer and another key (R-22)", () => {
  const tokens = new Tokens(keyedHash("key"));
  const address = write(tokens, A2, START);
  for (let bit = 0; bit < 128; bit++) {
    const changed = change(address, bit >> 3, address[bit >> 3]! ^ (1 << (bit & 7)));
    assert.equal(tokens.matches(changed, 0, A2, 0, START), false, `bit ${bit}`);
  }
  assert.equal(tokens.matches(address, 0, vector("A3"), 0, START), false);
  assert.equal(new Tokens(keyedHash("other")).matches(address, 0, A2, 0, START), false);
});

test("mayBeToken() is true of fe80::/64 alone", () => {
  for (
    const [text, may] of [
      ["fe80::1", true],
      ["fe80::", true],
      ["fe80:1::1", false],
      ["fe80:0:0:1::1", false],
      ["fe90::1", false],
      ["2001:db8::1", false],
    ] as const
  ) assert.equal(mayBeToken(addressBytes(text), 0), may, text);
});
