import assert from "node:assert/strict";
import test from "node:test";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { Drop } from "#src/protocol/drops.ts";
import { mayCauseError } from "#src/protocol/guard/icmpv6_errors.ts";
import { type Address, bubble, concat, icmpv6, packet } from "../packets.ts";
import { data, HOST, RelayLab } from "./lab.ts";
import { fromHex, toHex, vector } from "../vectors.ts";

const A2 = vector("A2");
const NATIVE = "2001:db8:f::1";
/** What the IPv6 side is to fill in. */
const UNSPECIFIED = "::";

function unreachable(packetBytes: Uint8Array, to: Address, code = 3): string {
  const body = concat(new Uint8Array(4), packetBytes.subarray(0, 1_232));
  return toHex(icmpv6(1, UNSPECIFIED, to, body, 255, code));
}

test("Relay.fromIpv6() answers what is not for a client with address unreachable (R-01, I-04, I-07)", () => {
  const lab = new RelayLab();
  const bytes = data(HOST, NATIVE);
  assert.equal(lab.fromIpv6(bytes), Drop.DestinationNotTeredo);
  assert.deepEqual(lab.sent, [{ to: "icmpv6", hex: unreachable(bytes, HOST) }]);
  assert.equal(payloadChecksum(fromHex(lab.sent[0]!.hex), 0), 0);
  assert.equal(lab.drops(Drop.DestinationNotTeredo), 1);
  assert.equal(lab.count("icmpv6_errors_sent"), 1);
});

test("Relay.fromIpv6() keeps errors within 1280 bytes (I-03)", () => {
  const lab = new RelayLab();
  const long = data(HOST, NATIVE, 1, 3_000);
  lab.fromIpv6(long);
  assert.deepEqual(lab.sent, [{ to: "icmpv6", hex: unreachable(long, HOST) }]);
  assert.equal(lab.sent[0]!.hex.length / 2, 1_280);
});

test("Relay.tick() quotes what the queue held to each of its senders (R-14, I-03, I-04)", () => {
  const lab = new RelayLab();
  const packets = [data(HOST, A2, 1), data("2001:db8::2", A2, 2), data(HOST, A2, 3, 1_240)];
  for (const bytes of packets) lab.fromIpv6(bytes);
  lab.advance(8_000);
  assert.deepEqual(lab.sent.slice(-3), [
    { to: "icmpv6", hex: unreachable(packets[0]!, HOST) },
    { to: "icmpv6", hex: unreachable(packets[1]!, "2001:db8::2") },
    { to: "icmpv6", hex: unreachable(packets[2]!, HOST) },
  ]);
});

test("Relay.fromIpv6() sends no error for a queue that is full (I-04)", () => {
  const lab = new RelayLab({ holdPackets: 2 });
  for (let i = 0; i < 2; i++) assert.equal(lab.fromIpv6(data(HOST, A2)), Drop.None);
  for (let i = 0; i < 20; i++) {
    assert.equal(lab.fromIpv6(data(HOST, A2)), Drop.HoldFull);
    assert.deepEqual(lab.sent, []);
  }
});

const echo = (type: number, body = new Uint8Array(4)) => icmpv6(type, HOST, NATIVE, body);
const behind = (headers: string, first: number, rest: Uint8Array) =>
  packet(first, HOST, NATIVE, concat(fromHex(headers), rest));
const redirect = echo(137).subarray(40);
const request = echo(128).subarray(40);
const error = echo(1).subarray(40);

const CASES: readonly (readonly [string, Uint8Array, boolean])[] = [
  ["a UDP packet", data(HOST, NATIVE), true],
  ["an echo request", echo(128), true],
  ["an echo reply", echo(129), true],
  ["an unreachable", echo(1), false],
  ["a packet too big", echo(2), false],
  ["a time exceeded", echo(3), false],
  ["a parameter problem", echo(4), false],
  ["an error of unknown type 127", echo(127), false],
  ["a redirect", echo(137), false],
  ["an ICMPv6 packet without a type", packet(58, HOST, NATIVE), false],
  ["an echo request behind options", behind("3a00010400000000", 0, request), true],
  ["an error behind options", behind("3a00010400000000", 60, error), false],
  ["a redirect behind two headers", behind("3c000104000000003a00010400000000", 0, redirect), false],
  ["an error behind a routing header", behind("3a00000000000000", 43, error), false],
  ["an error behind authentication", behind("3a0100000000000100000001", 51, error), false],
  ["a request behind authentication", behind("3a0100000000000100000001", 51, request), true],
  ["a first fragment of an echo request", behind("3a00000100000001", 44, request), true],
  ["a first fragment of an error", behind("3a00000100000001", 44, error), false],
  ["a later fragment", behind("3a00000900000001", 44, request), false],
  ["a header cut short", behind("3a000104", 0, new Uint8Array(0)), false],
  ["options past the end", behind("3aff010400000000", 0, request), false],
  ["nine headers", behind("0000010400000000".repeat(9), 0, request), false],
  ["a bubble", bubble(HOST, NATIVE), false],
  ["next header 59 with payload", packet(59, HOST, NATIVE, new Uint8Array(8)), false],
  ["a source that is unspecified", data("::", NATIVE), false],
  ["a source that is multicast", data("ff02::1", NATIVE), false],
  ["a source that is link-local", data("fe80::1", NATIVE), false],
  ["a source that is loopback", data("::1", NATIVE), false],
  ["a destination that is multicast", data(HOST, "ff0e::1"), false],
];
for (const [name, bytes, may] of CASES) {
  test(`mayCauseError() says ${may ? "yes" : "no"} to ${name} (I-02, I-06)`, () => {
    assert.equal(mayCauseError(bytes, 0, bytes.length), may);
    const shifted = concat(new Uint8Array(5).fill(0xff), bytes, new Uint8Array(9).fill(58));
    assert.equal(mayCauseError(shifted, 5, bytes.length), may);
    const lab = new RelayLab();
    lab.fromIpv6(bytes);
    assert.equal(lab.sent.length, may ? 1 : 0);
    assert.equal(lab.count("icmpv6_errors_suppressed"), 0);
  });
}

test("Relay.fromIpv6() limits errors over all destinations (I-01)", () => {
  const lab = new RelayLab({ icmpRate: 10, icmpBurst: 10 });
  let sent = 0;
  for (let i = 0; i < 1_000; i++) {
    lab.now += 10; // 10 s in all
    lab.fromIpv6(data(`2001:db8:${i.toString(16)}::1`, NATIVE));
    sent += lab.sent.length;
  }
  assert.ok(sent >= 105 && sent <= 110, `${sent} errors`);
  assert.equal(lab.count("icmpv6_errors_sent"), sent);
  assert.equal(lab.count("icmpv6_errors_suppressed"), 1_000 - sent);
  assert.equal(lab.drops(Drop.DestinationNotTeredo), 1_000);
});

test("Relay.fromIpv6() leaves one network its share of the errors, and the others theirs (I-01)", () => {
  const lab = new RelayLab({ icmpRate: 40, icmpBurst: 40 });
  let sent = 0;
  for (let i = 0; i < 2_000; i++) {
    lab.now += 1; // 2 s in all
    lab.fromIpv6(data(`2001:db8::${i.toString(16)}`, NATIVE));
    sent += lab.sent.length;
  }
  assert.ok(sent >= 38 && sent <= 40, `${sent} errors`); // 20 at once and 10 a second
  lab.fromIpv6(data("2001:db8:1::1", NATIVE));
  assert.equal(lab.sent.length, 1);
});

test("Relay.fromIpv6() sends no error at all when icmpRate is 0 (I-04)", () => {
  const lab = new RelayLab({ icmpRate: 0 });
  assert.equal(lab.fromIpv6(data(HOST, NATIVE)), Drop.DestinationNotTeredo);
  assert.deepEqual(lab.sent, []);
});
