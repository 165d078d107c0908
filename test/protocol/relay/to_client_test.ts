import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { SERVICE_PREFIX, TEREDO_PORT, toBytes } from "#src/protocol/wire/teredo_address.ts";
import { bubble, change, ip4, packet, teredo } from "../packets.ts";
import { assertDropped, data, HOST, NO_GAUGES, RelayLab, tokenOf, udp } from "./lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, SERVER, toHex, vector } from "../vectors.ts";

const A2 = vector("A2");
const PACKET = data(HOST, A2);

function assertRefused(lab: RelayLab, bytes: Uint8Array, reason: Drop) {
  const before = lab.drops(reason);
  assertDropped(lab, lab.fromIpv6(bytes), reason, before);
  assert.equal(lab.relay.gauges.peers, 0);
}

/** A lab whose relay trusts the client of the vectors. */
function trusted(options = {}): RelayLab {
  const lab = new RelayLab(options);
  lab.fromIpv6(PACKET);
  lab.fromClient(bubble(A2, tokenOf(lab.sent)));
  lab.sent = [];
  return lab;
}

const MALFORMED = [
  { name: "39 bytes", bytes: PACKET.subarray(0, 39), reason: Drop.Truncated },
  { name: "nothing", bytes: new Uint8Array(0), reason: Drop.Truncated },
  { name: "version 4", bytes: change(PACKET, 0, 0x40), reason: Drop.NotIpv6 },
  { name: "a payload length past the end", bytes: change(PACKET, 5, 49), reason: Drop.BadLength },
  { name: "a payload length short of it", bytes: change(PACKET, 5, 47), reason: Drop.BadLength },
];
for (const { name, bytes, reason } of MALFORMED) {
  test(`Relay.fromIpv6() drops a packet with ${name} (R-01)`, () => {
    assertRefused(new RelayLab(), bytes, reason);
  });
}

for (
  const [source, destination, reason] of [
    [HOST, "ff02::1", Drop.DestinationScope],
    [HOST, "ff0e::1", Drop.DestinationScope],
    ["ff02::1", A2, Drop.SourceScope],
    ["fe80::1", A2, Drop.SourceScope],
    ["::", A2, Drop.SourceScope],
    ["::1", A2, Drop.SourceScope],
    ["::ffff:192.0.2.1", A2, Drop.SourceScope],
    [vector("A5"), A2, Drop.SourceScope],
  ] as const
) {
  const text = typeof source === "string" ? source : "a client";
  const to = typeof destination === "string" ? destination : "a client";
  test(`Relay.fromIpv6() drops a packet from ${text} to ${to} (R-33, I-02)`, () => {
    assertRefused(new RelayLab(), data(source, destination), reason);
  });
}

test("Relay.fromIpv6() encapsulates for served sources alone (R-26, R-33, H-03)", () => {
  const served = [parseIpv6Prefix("2001:db8:7::/48")!, parseIpv6Prefix("2001:db8::1/128")!];
  const lab = new RelayLab({ served });
  assertRefused(lab, data("2001:db8::2", A2), Drop.SourceNotServed);
  assert.equal(lab.fromIpv6(PACKET), Drop.None);
  assert.equal(lab.fromIpv6(data("2001:db8:7::9", A2)), Drop.None);
  lab.set({ served: undefined });
  assert.equal(lab.fromIpv6(data("2001:db8::2", A2)), Drop.None);
});

// conformance.md section 2: both ends of each range, and their neighbours outside.
const REFUSED = `0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 127.0.0.1 127.255.255.255
  169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255 192.88.99.0 192.88.99.255 192.168.1.1
  192.168.255.255 224.0.0.0 239.255.255.255 255.255.255.255`.split(/\s+/);
const ACCEPTED = `1.0.0.0 9.255.255.255 11.0.0.0 126.255.255.255 128.0.0.0 169.253.255.255
  169.255.0.0 172.15.255.255 172.32.0.0 192.88.98.255 192.88.100.0 223.255.255.255
  240.0.0.1`.split(/\s+/);

for (const text of REFUSED) {
  test(`Relay.fromIpv6() silently drops what embeds ${text} (R-02, N5, I-06)`, () => {
    const lab = new RelayLab();
    assertRefused(lab, data(HOST, teredo(ip4(text), 40_000)), Drop.MappedAddressNotGlobal);
    assertRefused(lab, data(HOST, teredo(CLIENT, 1, ip4(text))), Drop.ServerAddressNotGlobal);
  });
}
for (const text of ACCEPTED) {
  test(`Relay.fromIpv6() takes what embeds ${text} (R-02)`, () => {
    const lab = new RelayLab();
    assert.equal(lab.fromIpv6(data(HOST, teredo(ip4(text), 40_000))), Drop.None);
    assert.equal(lab.fromIpv6(data(HOST, teredo(CLIENT, 1, ip4(text)))), Drop.None);
  });
}

test("Relay.fromIpv6() refuses later reserved ranges when told to (R-02)", () => {
  const lab = new RelayLab({ refuseReserved: true });
  assertRefused(lab, PACKET, Drop.MappedAddressNotGlobal);
});

test("Relay.fromIpv6() sends nothing to port 0, to itself or to a server that is itself (S-29)", () => {
  const lab = new RelayLab({ servicePort: TEREDO_PORT });
  assertRefused(lab, data(HOST, teredo(CLIENT, 0)), Drop.MappedAddressNotGlobal);
  assertRefused(lab, data(HOST, teredo(RELAY, TEREDO_PORT)), Drop.OwnAddress);
  assertRefused(lab, data(HOST, teredo(CLIENT, 1, RELAY)), Drop.OwnAddress);
  assert.equal(lab.fromIpv6(data(HOST, teredo(RELAY, 4_000))), Drop.None);
  const other = new RelayLab();
  assert.equal(other.fromIpv6(data(HOST, teredo(CLIENT, 1, RELAY))), Drop.None);
});

for (const id of ["A1", "A2", "A3", "A4"]) {
  test(`Relay.fromIpv6() holds a packet for ${id} and sends a bubble by its server (R-03, R-11, R-12, P3, P6, H-05)`, () => {
    const lab = new RelayLab();
    const address = vector(id);
    assert.equal(lab.fromIpv6(data(HOST, address)), Drop.None);

    const token = tokenOf(lab.sent);
    assert.deepEqual(lab.sent, [udp(bubble0(token, address), SERVER, TEREDO_PORT)]);
    assert.equal(toHex(token, 0, 8), "fe80000000000000");
    assert.equal(token[8]! & 0x03, 0);
    assert.equal(lab.count("packets_held"), 1);
    assert.equal(lab.count("peers_created"), 1);
    assert.equal(lab.count("bubbles_sent_indirect"), 1);
    assert.deepEqual(lab.relay.gauges, {
      ...NO_GAUGES,
      peers: 1,
      resolving: 1,
      heldPackets: 1,
      heldBytes: 88,
    });
  });
}

/** With hop limit 0. */
function bubble0(from: Uint8Array, to: Uint8Array): Uint8Array {
  return packet(59, from, to, new Uint8Array(0), 0);
}

test("Relay.fromIpv6() sends a direct bubble beside each indirect one when restricted (R-13, H-04)", () => {
  const lab = new RelayLab({ restricted: true });
  lab.fromIpv6(PACKET);
  const both = bubble0(tokenOf(lab.sent), A2);
  const pair = [udp(both), udp(both, SERVER, TEREDO_PORT)];
  assert.deepEqual(lab.sent, pair);
  for (let i = 0; i < 3; i++) {
    lab.advance(2_000);
    assert.equal(lab.sent.length, 2); // a pair counts as one of the four
  }
  lab.advance(300_000);
  assert.equal(lab.count("bubbles_sent_direct"), 4);
  assert.equal(lab.count("bubbles_sent_indirect"), 4);
});

test("Relay.fromIpv6() sends one bubble for many packets, and holds them (R-15, R-16)", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  for (let i = 0; i < 5; i++) {
    lab.now += 300;
    assert.equal(lab.fromIpv6(PACKET), Drop.None);
    assert.deepEqual(lab.sent, []);
  }
  assert.equal(lab.relay.gauges.heldPackets, 6);
});

test("Relay.tick() repeats the bubble at 2, 4 and 6 s, then gives up at 8 s (R-14, I-04)", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  lab.fromIpv6(data(HOST, A2, 0xbb));
  for (let i = 1; i <= 3; i++) {
    lab.advance(1_990);
    assert.deepEqual(lab.sent, [], `too early for repeat ${i}`);
    lab.advance(10);
    assert.equal(lab.sent.length, 1, `repeat ${i}`);
  }
  assert.equal(lab.relay.gauges.heldPackets, 2);
  lab.advance(2_000);
  assert.deepEqual(lab.sent.map((s) => s.to), ["icmpv6", "icmpv6"]); // about each packet held
  assert.deepEqual(lab.relay.gauges, { ...NO_GAUGES, peers: 1, failed: 1 });
  assert.equal(lab.drops(Drop.PeerUnreachable), 2);
  assert.equal(lab.count("bubbles_sent_indirect"), 4);
  assert.equal(lab.count("peers_failed"), 1);
});

test("Relay.fromIpv6() sends no fifth bubble in 300 s, and says so at once (R-15, I-04)", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  lab.advance(8_000);
  const lastBubble = lab.now - 2_000;
  while (lab.now - lastBubble < 299_000) {
    lab.advance(1_000);
    assert.equal(lab.fromIpv6(PACKET), Drop.PeerUnreachable);
    assert.deepEqual(lab.sent.map((s) => s.to), ["icmpv6"]);
  }
  assert.equal(lab.relay.gauges.heldPackets, 0);
  lab.now = lastBubble + 300_000;
  assert.equal(lab.fromIpv6(PACKET), Drop.None);
  assert.equal(lab.sent[0]!.to, "65.54.227.120:3544");
  lab.advance(6_000);
  assert.equal(lab.sent.length, 3); // four again
});

test("Relay.tick() forgets a failed peer 300 s after its last bubble (R-14, R-15)", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  lab.advance(6_000 + 299_000);
  assert.equal(lab.relay.gauges.peers, 1);
  lab.advance(1_100);
  assert.equal(lab.relay.gauges.peers, 0);
  assert.equal(lab.count("peers_expired"), 1);
  assert.equal(lab.relay.nextTimer(), Infinity);
});

test("Relay.fromUdp() makes a failed peer trusted when it is heard of after all (R-24)", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  lab.advance(20_000);
  assert.equal(lab.fromClient(data(A2, HOST)), Drop.None);
  assert.equal(lab.fromIpv6(PACKET), Drop.None);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
});

test("Relay.fromIpv6() passes a packet to a trusted peer at once and uncopied (R-10)", () => {
  const lab = trusted();
  assert.equal(lab.fromIpv6(PACKET), Drop.None);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
  assert.equal(lab.lastAt, 64);
  assert.equal(lab.lastArray?.length, 64 + PACKET.length + 32);
});

test("Relay.fromIpv6() sends from the address that the peer last wrote to (R-10)", () => {
  const lab = trusted();
  const second = ip4("203.0.113.10");
  lab.fromClient(data(A2, HOST), { local: second });
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, second)]);
});

test("Relay.fromIpv6() asks for a sign of life before the 30 s run out, and goes on sending (R-10, R-15)", () => {
  const lab = trusted();
  const bubbleTimes: number[] = [];
  const start = lab.now;
  while (lab.now - start < 29_500) {
    lab.advance(500);
    assert.equal(lab.fromIpv6(PACKET), Drop.None);
    assert.deepEqual(lab.sent[0], udp(PACKET, CLIENT, CLIENT_PORT, RELAY));
    if (lab.sent.length > 1) bubbleTimes.push(lab.now - start);
  }
  assert.deepEqual(bubbleTimes, [20_000, 22_000, 24_000]);
  assert.equal(lab.count("bubbles_sent_refresh"), 3);
  lab.advance(500);
  lab.fromIpv6(PACKET); // no longer valid: held, and the fourth bubble
  assert.deepEqual(lab.sent.map((s) => s.to), ["65.54.227.120:3544"]);
  assert.equal(lab.relay.gauges.heldPackets, 1);
  lab.advance(2_000);
  assert.deepEqual(lab.sent.map((s) => s.to), ["icmpv6"]);
  assert.deepEqual(lab.relay.gauges, { ...NO_GAUGES, peers: 1, failed: 1 });
});

test("Relay.fromIpv6() never stops a flow in one direction whose peer answers bubbles (R-10)", () => {
  const lab = trusted();
  for (let i = 0; i < 600; i++) {
    lab.advance(500);
    lab.fromIpv6(PACKET);
    assert.deepEqual(lab.sent[0], udp(PACKET, CLIENT, CLIENT_PORT, RELAY));
    if (lab.sent.length > 1) lab.fromClient(bubble(A2, tokenOf(lab.sent)));
  }
  assert.equal(lab.count("packets_held"), 1);
  assert.equal(lab.count("bubbles_sent_refresh"), lab.count("bubbles_answered") - 1);
  assert.equal(lab.count("bubbles_sent_refresh"), 15);
});

test("Relay.fromIpv6() holds again for a peer silent for 30 s, which stays trusted (R-10, R-24)", () => {
  const lab = trusted();
  lab.advance(30_000);
  lab.fromIpv6(PACKET);
  assert.equal(lab.relay.gauges.heldPackets, 1);
  assert.equal(lab.relay.gauges.trusted, 1);
  assert.equal(lab.fromClient(data(A2, HOST)), Drop.None);
  assert.deepEqual(lab.sent, [
    udp(PACKET, CLIENT, CLIENT_PORT, RELAY), // what was held goes first: RFC 4380 §5.4.2
    { to: "ipv6", hex: toHex(data(A2, HOST)) },
  ]);
});

for (
  const [what, source, destination, mine] of [
    ["report of its multicast groups", "fe80::1", "ff02::16", true],
    ["router solicitation", "fe80::ffff", "ff02::2", true],
    ["duplicate address detection", "::", "ff02::1:ff00:1", true],
    ["report before it has an address", "::", "ff02::16", true],
    ["message to its interface", "fe80::1", "ff01::1", true],
    ["packet of another host to a link's group", HOST, "ff02::1", false],
    ["packet to a group of the site", "fe80::1", "ff05::2", false],
    ["packet to a group of the world", "::", "ff0e::1", false],
    ["packet to a link-local host", "fe80::1", "fe80::2", false],
  ] as const
) {
  test(`Relay.fromIpv6() ${mine ? "drops no" : "drops a"} ${what} (R-01)`, () => {
    const lab = new RelayLab();
    const drop = lab.fromIpv6(packet(58, source, destination, new Uint8Array(8), 1));
    assert.equal(drop === Drop.None, mine);
    assert.equal(lab.allDrops, mine ? 0 : 1);
    assert.equal(lab.count("link_messages"), mine ? 1 : 0);
    assert.deepEqual(lab.sent.filter(({ to }) => to !== "icmpv6"), []);
    assert.equal(lab.relay.gauges.peers, 0);
  });
}

test("Relay.fromIpv6() lets one IPv6 network bring newPeerRate peers a second (R-26)", () => {
  const lab = new RelayLab({ newPeerRate: 10, maxPeers: 64 });
  const scan = (source: string, count: number, from: number) => {
    for (let i = 0; i < count; i++) {
      const client = teredo(CLIENT, from + i);
      lab.fromIpv6(data(source, client));
    }
  };
  scan("2001:db8::1", 15, 1_000);
  scan("2001:db8::2", 5, 2_000); // of the same /64
  assert.equal(lab.relay.gauges.peers, 10);
  assert.equal(lab.drops(Drop.RateLimited), 10);
  scan("2001:db8:0:1::1", 3, 3_000); // another one has its own share
  assert.equal(lab.relay.gauges.peers, 13);
  scan("2001:db8::1", 5, 1_000); // peers that are there cost nothing
  assert.equal(lab.drops(Drop.RateLimited), 10);
  lab.advance(1_000);
  scan("2001:db8::1", 10, 4_000);
  assert.equal(lab.relay.gauges.peers, 23);
  assert.equal(lab.drops(Drop.RateLimited), 10);
});

test("Relay.fromIpv6() limits no new peers when newPeerRate is 0 (R-26)", () => {
  const lab = new RelayLab({ newPeerRate: 0, maxPeers: 64 });
  for (let i = 0; i < 60; i++) {
    lab.fromIpv6(data("2001:db8::1", teredo(CLIENT, 1_000 + i)));
  }
  assert.equal(lab.relay.gauges.peers, 60);
});

test("Relay.tick() forgets a trusted peer after 300 s of silence both ways (R-26)", () => {
  const lab = trusted();
  lab.advance(299_000);
  assert.equal(lab.relay.gauges.peers, 1);
  lab.advance(1_100);
  assert.deepEqual(lab.relay.gauges, NO_GAUGES);
});

test("Relay.fromIpv6() lets the oldest untrusted peer give way, never one that is there (R-26)", () => {
  const lab = trusted({ maxPeers: 3 });
  for (let i = 0; i < 100; i++) {
    lab.now += 100;
    assert.equal(lab.fromIpv6(data(HOST, teredo(CLIENT, 1_000 + i))), Drop.None);
  }
  assert.equal(lab.relay.gauges.peers, 3);
  assert.equal(lab.relay.gauges.trusted, 1);
  assert.equal(lab.relay.gauges.heldPackets, 2);
  assert.equal(lab.count("peers_evicted"), 98);
  assert.equal(lab.drops(Drop.PeerTableFull), 98); // the packets held for them
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
});

test("Relay.fromIpv6() drops packets for new peers while all entries are trusted and valid (R-26)", () => {
  const lab = trusted({ maxPeers: 1 });
  assert.equal(lab.fromIpv6(data(HOST, vector("A5"))), Drop.PeerTableFull);
  assert.deepEqual(lab.sent, []);
  lab.now += 30_000;
  assert.equal(lab.fromIpv6(data(HOST, vector("A5"))), Drop.None);
  assert.equal(lab.count("peers_evicted"), 1);
});

test("Relay.fromIpv6() takes mapped port 65535 for a port (P8)", () => {
  const lab = new RelayLab();
  const address = toBytes({
    prefix: SERVICE_PREFIX,
    serverAddress: SERVER,
    flags: 0,
    mappedAddress: RELAY,
    mappedPort: 65_535,
  });
  lab.fromIpv6(data(HOST, address));
  assert.equal(lab.fromClient(data(address, HOST), { address: RELAY, port: 65_535 }), Drop.None);
  lab.fromIpv6(data(HOST, address));
  assert.equal(lab.sent[0]!.to, "203.0.113.9:65535");
});

test("Relay.fromIpv6() leaves hop limit and size to the kernel (R-31, R-32)", () => {
  const lab = trusted();
  for (const odd of [change(PACKET, 7, 0), data(HOST, A2, 1, 1_400)]) {
    assert.equal(lab.fromIpv6(odd), Drop.None);
    assert.deepEqual(lab.sent, [udp(odd, CLIENT, CLIENT_PORT, RELAY)]);
  }
});
