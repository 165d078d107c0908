import assert from "node:assert/strict";
import test from "node:test";
import {
  formatIpv4,
  isGlobalUnicast,
  isLaterReserved,
  parseIpv4,
} from "#src/protocol/wire/ipv4.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  IPV4_SPECIAL_PURPOSE,
  IPV6_SPECIAL_PURPOSE,
  specialPurpose4,
  specialPurpose6,
} from "#src/protocol/wire/special_purpose.ts";

function boundsOf(block: string): [first: number, last: number] {
  const [text, length] = block.split("/");
  const first = parseIpv4(text!)!;
  return [first, first + 2 ** (32 - Number(length)) - 1];
}

const cases: readonly [string, string | undefined, boolean][] = [
  ["9.255.255.255", undefined, true],
  ["10.0.0.0", "Private-Use", false],
  ["100.63.255.255", undefined, true],
  ["100.64.0.0", "Shared Address Space", false],
  ["100.127.255.255", "Shared Address Space", false],
  ["100.128.0.0", undefined, true],
  ["172.31.255.255", "Private-Use", false],
  ["172.32.0.0", undefined, true],
  ["192.0.0.9", "Port Control Protocol Anycast", true],
  ["192.0.0.11", "IETF Protocol Assignments", false],
  ["192.88.99.1", "Deprecated (6to4 Relay Anycast)", false],
  ["198.20.0.0", undefined, true],
  ["223.255.255.255", undefined, true],
  ["255.255.255.255", "Limited Broadcast", false],
  ["2001:db7:ffff::", undefined, true],
  ["2001:db8::1", "Documentation", false],
  ["2001:0:5ef5:79fd::1", "TEREDO", false],
  ["2001:1ff::", "IETF Protocol Assignments", false],
  ["2001:200::", undefined, true],
  ["2001:3::1", "AMT", true],
  ["fbff:ffff::", undefined, true],
  ["fd00::1", "Unique-Local", false],
  ["fe80::1", "Link-Local Unicast", false],
  ["fec0::1", undefined, true],
];

for (const [text, name, global] of cases) {
  const which = text.includes(":") ? "specialPurpose6" : "specialPurpose4";
  test(`${which}() of ${text}`, () => {
    const found = text.includes(":")
      ? specialPurpose6(parseIpv6(text)!)
      : specialPurpose4(parseIpv4(text)!);
    assert.equal(found?.name, name);
    assert.equal(found?.global ?? true, global);
  });
}

test("specialPurpose4() has every entry from its first address to its last, and no further", () => {
  for (const { block } of IPV4_SPECIAL_PURPOSE) {
    for (const address of boundsOf(block)) {
      assert.notEqual(specialPurpose4(address), undefined, block);
    }
  }
  assert.equal(new Set(IPV4_SPECIAL_PURPOSE.map(({ block }) => block)).size, 26);
  assert.equal(new Set(IPV6_SPECIAL_PURPOSE.map(({ block }) => block)).size, 25);
});

/** What the registry says one way and RFC 4380 §5.2.4, with what was reserved later, another. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  // Anycast addresses of other protocols: no Teredo client has one.
  "192.0.0.9/32": "refused",
  "192.0.0.10/32": "refused",
};

test("isGlobalUnicast() with what was reserved later refuses what the registry calls unreachable", () => {
  for (const { block, global } of IPV4_SPECIAL_PURPOSE) {
    const accepted = boundsOf(block).map((address) => isGlobalUnicast(address, true));
    const want = DIFFERENCES[block] === undefined ? global : false;
    assert.deepEqual(accepted, [want, want], block);
  }
});

test("isLaterReserved() covers nothing that the registry does not list, but for multicast", () => {
  for (let network = 0; network < 2 ** 16; network++) {
    const address = network * 2 ** 16 + 0x6301;
    if (!isLaterReserved(address)) continue;
    assert.equal(specialPurpose4(address)?.global, false, formatIpv4(address));
  }
});
