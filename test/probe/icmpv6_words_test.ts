import assert from "node:assert/strict";
import test from "node:test";
import { icmpv6Words } from "#src/probe/icmpv6_words.ts";
import { narrate } from "#src/probe/narrate.ts";

const table: readonly (readonly [number, number, string])[] = [
  [1, 0, "destination unreachable: no route to destination"],
  [1, 3, "destination unreachable: address unreachable"],
  [1, 4, "destination unreachable: port unreachable"],
  [1, 6, "destination unreachable: reject route to destination"],
  [1, 255, "destination unreachable: code 255"],
  [2, 0, "packet too big"],
  [2, 9, "packet too big"],
  [3, 0, "time exceeded: hop limit exceeded in transit"],
  [3, 1, "time exceeded: fragment reassembly time exceeded"],
  [4, 1, "parameter problem: unrecognized next header type encountered"],
  [0, 0, "ICMPv6 error of type 0, code 0"],
  [127, 255, "ICMPv6 error of type 127, code 255"],
];

for (const [type, code, want] of table) {
  test(`icmpv6Words(${type}, ${code})`, () => assert.equal(icmpv6Words(type, code), want));
}

test("narrate() tells an ICMPv6 error in words", () => {
  const from = Uint8Array.from([0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 1]);
  assert.equal(
    narrate({ kind: "unreachable", type: 1, code: 3, from }),
    "2001:db8::1 says: destination unreachable: address unreachable",
  );
});
