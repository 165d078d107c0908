import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import test from "node:test";
import {
  equalIpv6,
  formatIpv6,
  formatIpv6Prefix,
  inPrefix,
  isBubble,
  isGlobalScope,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseIpv6,
  parseIpv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import { addressBytes, packet } from "../packets.ts";

/** Text as written, and as RFC 5952 recommends it; the examples are the RFC's own. */
const TEXTS: readonly (readonly [written: string, recommended: string])[] = [
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // §4.2.3, first of two equal runs
  ["2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"], // §4.1
  ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"],
  ["2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"], // §4.3
  ["2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"], // §2.1
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"], // §4.2.2: one group stays
  ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"], // §4.2.3: the longer run
  ["2001:db8::aaaa:0:0:1", "2001:db8::aaaa:0:0:1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["1:0:0:0:0:0:0:0", "1::"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"], // §5
  ["::ffff:c000:201", "::ffff:192.0.2.1"],
  ["::192.0.2.1", "::c000:201"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["fe80::ffff:ffff:ffff", "fe80::ffff:ffff:ffff"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
];

for (const [written, recommended] of TEXTS) {
  test(`formatIpv6() writes ${written} as ${recommended}`, () => {
    assert.ok(isIPv6(written));
    const bytes = parseIpv6(written);
    assert.ok(bytes !== undefined);
    assert.equal(formatIpv6(bytes), recommended);
    assert.deepEqual(parseIpv6(recommended), bytes);
  });
}

const HOSTILE = [
  "",
  ":",
  ":::",
  "::::",
  "1::2::3",
  "1:::2",
  ":1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "::1:2:3:4:5:6:7:8",
  "1:2:3:4::5:6:7:8",
  "12345::",
  "g::",
  "0x1::",
  "-1::",
  "+1::",
  "1.2.3.4",
  "1.2.3.4::",
  "::1.2.3.4:5",
  "::1.2.3",
  "::01.2.3.4",
  "::ffff:256.0.0.1",
  "1:2:3:4:5:6:7:1.2.3.4",
  " ::1",
  "::1 ",
  "::1\n",
  "[::1]",
  "::1/128",
];
for (const text of HOSTILE) {
  test(`parseIpv6() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(isIPv6(text), false);
    assert.equal(parseIpv6(text), undefined);
  });
}

test("parseIpv6() refuses a zone, which means nothing in a configuration", () => {
  assert.equal(parseIpv6("fe80::1%eth0"), undefined);
});

for (const text of ["::/0", "2001::/32", "fe80::/10", "2001:db8::1/128", "2000::/3"]) {
  test(`parseIpv6Prefix() and formatIpv6Prefix() agree on ${text}`, () => {
    const prefix = parseIpv6Prefix(text);
    assert.ok(prefix !== undefined);
    assert.equal(formatIpv6Prefix(prefix), text);
  });
}

const BAD_PREFIXES = [
  "2001::",
  "2001::/",
  "/32",
  "2001::/129",
  "2001::/032",
  "2001::/-1",
  "2001::/3 2",
  "2001::/32/32",
  "2001::1/64", // bits behind the prefix
  "2001:db9::/31",
  "2001::1/127",
];
for (const text of BAD_PREFIXES) {
  test(`parseIpv6Prefix() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseIpv6Prefix(text), undefined);
  });
}

test("inPrefix() compares the bits of the prefix and no other", () => {
  for (
    const [address, prefix, inside] of [
      ["2001:db8::1", "::/0", true],
      ["2001:0:1::", "2001::/32", true],
      ["2001:1::", "2001::/32", false],
      ["feBF::1", "fe80::/10", true],
      ["fec0::1", "fe80::/10", false],
      ["2001:db8::1", "2001:db8::1/128", true],
      ["2001:db8::2", "2001:db8::1/128", false],
      ["2001:db8::2", "2001:db8::2/127", true],
      ["2001:db8::3", "2001:db8::2/127", true],
      ["2001:db8::4", "2001:db8::2/127", false],
    ] as const
  ) {
    assert.equal(inPrefix(addressBytes(address), 0, parseIpv6Prefix(prefix)!), inside, address);
  }
});

const SCOPES: readonly (readonly [text: string, global: boolean])[] = [
  ["::", false],
  ["::1", false],
  ["::192.0.2.1", false],
  ["::ffff:192.0.2.1", false],
  ["fe80::1", false],
  ["febf::1", false],
  ["fec0::1", false],
  ["feff::1", false],
  ["fc00::1", false],
  ["fdff::1", false],
  ["ff01::1", false],
  ["ff02::2", false],
  ["ff05::1", false],
  ["ff0e::1", true],
  ["2000::1", true],
  ["2001::1", true],
  ["2001:db8::1", true],
  ["2002::1", true],
  ["3ffe:831f::1", true],
  ["fbff::1", true],
  ["fe00::1", true],
];
for (const [text, global] of SCOPES) {
  test(`isGlobalScope() says ${global} of ${text} (S-11)`, () => {
    assert.equal(isGlobalScope(addressBytes(text), 0), global);
  });
}

test("isLinkLocal(), isMulticast(), isUnspecified(), isLoopback() tell their addresses", () => {
  const kinds = (text: string) => {
    const b = addressBytes(text);
    return [isLinkLocal, isMulticast, isUnspecified, isLoopback].map((is) => is(b, 0));
  };
  assert.deepEqual(kinds("fe80::1"), [true, false, false, false]);
  assert.deepEqual(kinds("febf::"), [true, false, false, false]);
  assert.deepEqual(kinds("fec0::"), [false, false, false, false]);
  assert.deepEqual(kinds("ff02::1"), [false, true, false, false]);
  assert.deepEqual(kinds("::"), [false, false, true, false]);
  assert.deepEqual(kinds("::1"), [false, false, false, true]);
  assert.deepEqual(kinds("::2"), [false, false, false, false]);
  assert.deepEqual(kinds("8000::1"), [false, false, false, false]);
});

test("isBubble() wants next header 59 and no payload", () => {
  assert.ok(isBubble(packet(59, "::1", "::2"), 0));
  assert.equal(isBubble(packet(59, "::1", "::2", new Uint8Array(1)), 0), false);
  assert.equal(isBubble(packet(59, "::1", "::2", new Uint8Array(256)), 0), false);
  assert.equal(isBubble(packet(58, "::1", "::2"), 0), false);
});

test("equalIpv6() compares all 16 bytes and no more", () => {
  const a = Uint8Array.from({ length: 18 }, (_, i) => i);
  const b = Uint8Array.from({ length: 18 }, (_, i) => i + 1);
  assert.ok(equalIpv6(a, 1, b, 0));
  for (let i = 0; i < 16; i++) {
    b[i]! ^= 0x80;
    assert.equal(equalIpv6(a, 1, b, 0), false);
    b[i]! ^= 0x80;
  }
});
