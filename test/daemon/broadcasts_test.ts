import assert from "node:assert/strict";
import test from "node:test";
import { type Attached, attachedBroadcasts } from "#src/daemon/broadcasts.ts";
import { MAX_BROADCASTS } from "#src/protocol/guard/broadcasts.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";

const at = (address: string, netmask: string): Attached => ({ address, netmask });

const CASES: readonly (readonly [name: string, attached: Attached[], want: readonly string[]])[] = [
  ["nothing", [], []],
  ["a /24", [at("203.0.113.7", "255.255.255.0")], ["203.0.113.0", "203.0.113.255"]],
  ["a /30", [at("8.8.8.6", "255.255.255.252")], ["8.8.8.4", "8.8.8.7"]],
  ["a /31 and a /32, which have none", [
    at("8.8.8.6", "255.255.255.254"),
    at("9.9.9.9", "255.255.255.255"),
  ], []],
  ["a /8 in the upper half", [at("200.1.2.3", "255.0.0.0")], ["200.0.0.0", "200.255.255.255"]],
  ["a /0, of which no end is a peer's", [at("8.8.8.8", "0.0.0.0")], []],
  ["private ones, which no peer has anyway", [
    at("10.1.2.3", "255.255.255.0"),
    at("127.0.0.1", "255.0.0.0"),
  ], []],
  ["two addresses of one subnet, and another", [
    at("203.0.113.7", "255.255.255.0"),
    at("203.0.113.8", "255.255.255.0"),
    at("198.51.100.1", "255.255.255.128"),
  ], ["198.51.100.0", "198.51.100.127", "203.0.113.0", "203.0.113.255"]],
  ["what is no address", [at("::1", "ffff::"), at("8.8.8.8", "")], []],
];

for (const [name, attached, want] of CASES) {
  test(`attachedBroadcasts() of ${name} (R-02, S-13)`, () => {
    assert.deepEqual(attachedBroadcasts(attached).map(formatIpv4), want);
  });
}

test("attachedBroadcasts() lists no more than can be set", () => {
  const attached = Array.from(
    { length: 400 },
    (_, i) => at(`8.8.${i >> 6}.${(i << 2) & 255}`, "255.255.255.252"),
  );
  assert.equal(attachedBroadcasts(attached).length, MAX_BROADCASTS);
});

test("attachedBroadcasts() of this host lists pairs of a subnet's ends", () => {
  const all = attachedBroadcasts();
  assert.deepEqual(all, [...all].sort((a, b) => a - b));
});
