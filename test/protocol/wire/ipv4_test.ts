import assert from "node:assert/strict";
import test from "node:test";
import {
  formatIpv4,
  isGlobalUnicast,
  isLaterReserved,
  parseIpv4,
} from "#src/protocol/wire/ipv4.ts";
import { ip4 } from "../packets.ts";

for (
  const [text, address] of [
    ["0.0.0.0", 0],
    ["1.2.3.4", 0x01020304],
    ["192.0.2.1", 0xc0000201],
    ["255.255.255.255", 0xffffffff],
  ] as const
) {
  test(`parseIpv4() and formatIpv4() agree on ${text}`, () => {
    assert.equal(parseIpv4(text), address);
    assert.equal(formatIpv4(address), text);
  });
}

const HOSTILE = [
  "",
  ".",
  "...",
  "1",
  "1.2.3",
  "10.1", // 10.0.0.1 to inet_aton
  "1.2.3.4.5",
  "1.2.3.4.",
  ".1.2.3.4",
  "1..3.4",
  "256.1.1.1",
  "1.2.3.1000",
  "010.0.0.1", // 8.0.0.1 to inet_aton
  "1.2.3.00",
  "0x7f.0.0.1",
  "0x7f000001",
  "2130706433",
  "1.2.3.4 ",
  " 1.2.3.4",
  "1.2.3.4\n",
  "1.2.3.-4",
  "+1.2.3.4",
  "1.2.3.4/32",
  "1.2.3.1e1",
  "\u0661.2.3.4", // an Arabic digit
];
for (const text of HOSTILE) {
  test(`parseIpv4() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseIpv4(text), undefined);
  });
}

/** Both ends of each range of RFC 4380 §5.2.4, and what lies next to them. */
const BOUNDARIES: readonly (readonly [refused: string, accepted: string])[] = [
  ["0.0.0.0 0.255.255.255", "1.0.0.0"],
  ["10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"],
  ["127.0.0.0 127.255.255.255", "126.255.255.255 128.0.0.0"],
  ["169.254.0.0 169.254.255.255", "169.253.255.255 169.255.0.0"],
  ["172.16.0.0 172.31.255.255", "172.15.255.255 172.32.0.0"],
  ["192.88.99.0 192.88.99.255", "192.88.98.0 192.88.98.255 192.88.100.0"], // Miredo has 98 for 99
  ["192.168.0.0 192.168.255.255", "192.167.255.255 192.169.0.0"],
  ["224.0.0.0 239.255.255.255", "223.255.255.255 240.0.0.1"],
  ["255.255.255.255", "255.255.255.254"],
];

for (const [refused, accepted] of BOUNDARIES) {
  test(`isGlobalUnicast() refuses ${refused} and nothing beside (S-04, S-13, R-02, N3)`, () => {
    for (const text of refused.split(" ")) {
      assert.equal(isGlobalUnicast(ip4(text), false), false, text);
      assert.equal(isGlobalUnicast(ip4(text), true), false, text);
    }
    for (const text of accepted.split(" ")) assert.ok(isGlobalUnicast(ip4(text), false), text);
  });
}

const LATER: readonly (readonly [refused: string, accepted: string])[] = [
  ["100.64.0.0 100.127.255.255", "100.63.255.255 100.128.0.0"],
  ["192.0.0.0 192.0.0.255", "191.255.255.255 192.0.1.0"],
  ["192.0.2.0 192.0.2.255", "192.0.1.255 192.0.3.0"],
  ["198.18.0.0 198.19.255.255", "198.17.255.255 198.20.0.0"],
  ["198.51.100.0 198.51.100.255", "198.51.99.255 198.51.101.0"],
  ["203.0.113.0 203.0.113.255", "203.0.112.255 203.0.114.0"],
  ["240.0.0.0 255.255.255.254", "223.255.255.255"],
];

for (const [refused, accepted] of LATER) {
  test(`isGlobalUnicast() refuses ${refused} only when it is to refuse reserved ranges`, () => {
    for (const text of refused.split(" ")) {
      assert.ok(isLaterReserved(ip4(text)), text);
      assert.ok(isGlobalUnicast(ip4(text), false), text);
      assert.equal(isGlobalUnicast(ip4(text), true), false, text);
    }
    for (const text of accepted.split(" ")) assert.ok(isGlobalUnicast(ip4(text), true), text);
  });
}
