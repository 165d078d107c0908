import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { bubble, change, packet, teredo } from "../packets.ts";
import { data, HOST, RelayLab, tokenOf, udp } from "./lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, vector } from "../vectors.ts";

const A2 = vector("A2");
/** The largest packet that IPv6 has, far beyond any MTU: 52 segments of 1,220 bytes, and a rest. */
const SUPER = packet(6, HOST, A2, new Uint8Array(65_535).fill(0xab));

/** A lab whose relay trusts the client of the vectors. */
function trusted(options = {}): RelayLab {
  const lab = new RelayLab(options);
  lab.fromIpv6(data(HOST, A2));
  lab.fromClient(bubble(A2, tokenOf(lab.sent)));
  lab.sent = [];
  return lab;
}

/** What isOpen() says, after a check that it leaves nothing behind. */
function isOpen(lab: RelayLab, bytes: Uint8Array): boolean {
  const counters = lab.counters.slice();
  const { gauges } = lab.relay;
  const frame = new Uint8Array(bytes.length + 64).fill(0xee);
  frame.set(bytes, 32);
  const open = lab.relay.isOpen(frame, 32, bytes.length, lab.now);
  assert.deepEqual(lab.counters, counters);
  assert.deepEqual(lab.relay.gauges, gauges);
  assert.deepEqual(lab.sent, []);
  return open;
}

test("Relay.isOpen() lets a super-packet pass whole to a trusted and valid peer (R-10)", () => {
  const lab = trusted();
  assert.equal(isOpen(lab, SUPER), true);
  assert.equal(lab.fromIpv6(SUPER), Drop.None);
  assert.deepEqual(lab.sent, [udp(SUPER, CLIENT, CLIENT_PORT, RELAY)]);
});

test("Relay.isOpen() is false once the peer has been silent for 30 s, until it is heard of (R-10)", () => {
  const lab = trusted();
  lab.now += 29_999;
  assert.equal(isOpen(lab, SUPER), true);
  lab.now += 1;
  assert.equal(isOpen(lab, SUPER), false);
  assert.equal(lab.fromIpv6(data(HOST, A2)), Drop.None); // held: what comes next must queue behind
  lab.sent = [];
  assert.equal(isOpen(lab, SUPER), false);
  lab.fromClient(data(A2, HOST));
  lab.sent = [];
  assert.equal(isOpen(lab, SUPER), true);
});

test("Relay.isOpen() is false for a peer that is unknown, asked, or has failed (R-11, R-14)", () => {
  const lab = new RelayLab();
  assert.equal(isOpen(lab, SUPER), false);
  lab.fromIpv6(data(HOST, A2));
  lab.sent = [];
  assert.equal(isOpen(lab, SUPER), false);
  lab.advance(10_000);
  lab.sent = [];
  assert.equal(isOpen(lab, SUPER), false);
});

test("Relay.fromIpv6() holds no packet longer than the MTU: nobody asked isOpen() (R-16)", () => {
  const lab = new RelayLab();
  assert.equal(lab.fromIpv6(SUPER), Drop.HoldFull);
  assert.equal(lab.relay.gauges.heldPackets, 0);
});

const REFUSED: readonly (readonly [string, Uint8Array])[] = [
  ["nothing", new Uint8Array(0)],
  ["39 bytes", SUPER.subarray(0, 39)],
  ["version 4", change(SUPER, 0, 0x40)],
  ["a payload length past its end", SUPER.subarray(0, 2_000)],
  ["a payload length short of its end", change(SUPER, 4, 1)],
  ["payload length 0, a jumbogram's", change(change(SUPER, 4, 0), 5, 0)],
  ["a link-local source", packet(6, "fe80::1", A2, new Uint8Array(4_000))],
  ["a multicast source", packet(6, "ff02::1", A2, new Uint8Array(4_000))],
  ["a client's source", packet(6, vector("A5"), A2, new Uint8Array(4_000))],
  ["a source that is not served", packet(6, "2001:db8:8::1", A2, new Uint8Array(4_000))],
  ["a multicast destination", packet(6, HOST, "ff0e::1", new Uint8Array(4_000))],
  ["a destination that is no client", packet(6, HOST, "2001:db8::2", new Uint8Array(4_000))],
  ["a private mapping", packet(6, HOST, teredo(0x0a000001, 4_000), new Uint8Array(4_000))],
  ["a private server", packet(6, HOST, teredo(CLIENT, 4_000, 0x0a000001), new Uint8Array(4_000))],
];
for (const [name, bytes] of REFUSED) {
  test(`Relay.isOpen() is false for a super-packet with ${name} (R-01, R-02, R-33)`, () => {
    const lab = trusted({ served: [parseIpv6Prefix("2001:db8::/48")!] });
    assert.equal(isOpen(lab, SUPER), true);
    assert.equal(isOpen(lab, bytes), false);
  });
}
