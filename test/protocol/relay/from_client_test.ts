import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  type Address,
  addressBytes,
  bubble,
  change,
  concat,
  ip4,
  nonceOnly,
  origin,
  packet,
  teredo,
} from "../packets.ts";
import {
  assertDropped,
  data,
  type FromClient,
  HOST,
  NO_GAUGES,
  RelayLab,
  tokenOf,
  udp,
} from "./lab.ts";
import { CLIENT, CLIENT_PORT, fromHex, RELAY, RELAY_PORT, toHex, vector } from "../vectors.ts";

const A2 = vector("A2");
const PACKET = data(HOST, A2);
const ANSWER = data(A2, HOST);
const ELSEWHERE = { address: CLIENT, port: CLIENT_PORT + 1 };
/** By way of its server. */
const INDIRECT = "65.54.227.120:3544";

function assertRefused(lab: RelayLab, bytes: Uint8Array, reason: Drop, from: FromClient = {}) {
  const before = lab.drops(reason);
  assertDropped(lab, lab.fromClient(bytes, from), reason, before);
}

/** A relay that waits for the client to answer, and where the answer must be sent. */
function resolving(options = {}, address: Uint8Array = A2): { lab: RelayLab; token: Uint8Array } {
  const lab = new RelayLab(options);
  lab.fromIpv6(data(HOST, address));
  return { lab, token: tokenOf(lab.sent) };
}

function trusted(options = {}): RelayLab {
  const { lab, token } = resolving(options);
  assert.equal(lab.fromClient(bubble(A2, token)), Drop.None);
  return lab;
}

const MALFORMED = [
  { name: "nothing", bytes: "", reason: Drop.Truncated },
  {
    name: "39 bytes of a bubble",
    bytes: toHex(bubble(A2, HOST)).slice(0, 78),
    reason: Drop.Truncated,
  },
  {
    name: "a payload length past the end",
    bytes: toHex(change(bubble(A2, HOST), 5, 1)),
    reason: Drop.BadLength,
  },
  { name: "first octets 00 02", bytes: "0002" + toHex(bubble(A2, HOST)), reason: Drop.NotTeredo },
  {
    name: "an authentication past the end",
    bytes: "0001ff00" + "00".repeat(16),
    reason: Drop.Truncated,
  },
  { name: "an origin indication cut at 7", bytes: "0000feaefefdfc", reason: Drop.Truncated },
  { name: "an IPv4 packet", bytes: "45" + "00".repeat(59), reason: Drop.NotIpv6 },
];
for (const { name, bytes, reason } of MALFORMED) {
  test(`Relay.fromUdp() silently drops ${name} (R-20, N8, I-06)`, () => {
    assertRefused(trusted(), fromHex(bytes), reason);
  });
}

test("Relay.fromUdp() takes a packet behind authentication and origin (R-20)", () => {
  const lab = trusted();
  assert.equal(lab.fromClient(concat(nonceOnly(), origin(1, 2), ANSWER)), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(ANSWER) }]);
});

for (
  const text of ["10.1.2.3", "127.0.0.1", "192.88.99.1", "224.0.0.1", "0.1.2.3", "255.255.255.255"]
) {
  test(`Relay.fromUdp() silently drops what comes from ${text} (R-21, N3)`, () => {
    const address = ip4(text);
    const client = teredo(address, CLIENT_PORT);
    assertRefused(new RelayLab(), data(client, HOST), Drop.SourceNotGlobal, { address });
    assertRefused(new RelayLab(), bubble(client, HOST), Drop.SourceNotGlobal, { address });
  });
}

test("Relay.fromUdp() drops what comes from itself or from port 0 (S-29)", () => {
  const itself = { address: RELAY, port: RELAY_PORT };
  const lab = new RelayLab();
  assertRefused(lab, data(teredo(RELAY, RELAY_PORT), HOST), Drop.OwnAddress, itself);
  assertRefused(lab, data(teredo(CLIENT, 0), HOST), Drop.SourceNotGlobal, { port: 0 });
});

for (const source of [HOST, "fe80::1", "2001:1::1", "::", "ff02::1"]) {
  test(`Relay.fromUdp() drops a source that is no client: ${source} (R-21, R-27, H-09)`, () => {
    assertRefused(trusted(), data(source, HOST), Drop.SourceNotTeredo);
    assertRefused(trusted(), bubble(source, HOST), Drop.SourceNotTeredo);
  });
}

for (
  const [name, from] of [
    ["another port", ELSEWHERE],
    ["another address", { address: CLIENT + 1 }],
  ] as const
) {
  test(`Relay.fromUdp() drops a mismatched mapping: ${name} (R-21, N9)`, () => {
    for (const lab of [new RelayLab(), resolving().lab, trusted()]) {
      assertRefused(lab, bubble(A2, HOST), Drop.SourceMismatch, from);
      assertRefused(lab, ANSWER, Drop.SourceMismatch, from);
    }
  });
}

test("Relay.fromUdp() does not trust a peer for a mismatched mapping (R-21, N9)", () => {
  const { lab } = resolving();
  lab.fromClient(bubble(A2, HOST), ELSEWHERE);
  assert.equal(lab.relay.gauges.trusted, 0);
  assert.equal(lab.relay.gauges.heldPackets, 1);
});

for (const id of ["A1", "A2", "A3", "A4"]) {
  test(`Relay.fromUdp() trusts ${id} for its bubble, releases, and ends the bubble (R-24, R-25, P3, P6)`, () => {
    const address = vector(id);
    const { lab, token } = resolving({}, address);
    lab.fromIpv6(data(HOST, address, 0xbb));
    lab.fromIpv6(data(HOST, address, 0xcc));
    const answer = packet(59, address, token, new Uint8Array(0), 0);
    assert.equal(lab.fromClient(answer), Drop.None);
    assert.deepEqual(lab.sent, [ // in the order they came
      udp(data(HOST, address, 0xaa), CLIENT, CLIENT_PORT, RELAY),
      udp(data(HOST, address, 0xbb), CLIENT, CLIENT_PORT, RELAY),
      udp(data(HOST, address, 0xcc), CLIENT, CLIENT_PORT, RELAY),
    ]);
    assert.equal(lab.count("packets_released"), 3);
    assert.equal(lab.count("peers_trusted"), 1);
    assert.equal(lab.count("bubbles_answered"), 1);
    assert.equal(lab.count("bubbles_received"), 1);
    assert.deepEqual(lab.relay.gauges, { ...NO_GAUGES, peers: 1, trusted: 1 });
  });
}

test("Relay.fromUdp() trusts an entry for any packet from its mapping (R-24)", () => {
  const { lab } = resolving();
  assert.equal(lab.fromClient(ANSWER), Drop.None);
  assert.deepEqual(lab.sent, [
    udp(PACKET, CLIENT, CLIENT_PORT, RELAY),
    { to: "ipv6", hex: toHex(ANSWER) },
  ]);
});

test("Relay.fromUdp() sends no bubble after the answer (R-14, R-24)", () => {
  const lab = trusted();
  lab.advance(60_000);
  assert.deepEqual(lab.sent, []);
});

// The bubbles of the vectors come from A6, mapped to 192.0.2.10:8192, and have trailers.
const A6 = vector("A6");
for (const id of ["B1", "T6", "T7", "T8", "T9", "T10"]) {
  test(`Relay.fromUdp() takes bubble ${id} and ignores its trailers (R-29, P5)`, () => {
    const { lab } = resolving({}, A6);
    const from = { address: ip4("192.0.2.10"), port: 8_192 };
    assert.equal(lab.fromClient(vector(id), from), Drop.None);
    assert.deepEqual(lab.sent, [udp(data(HOST, A6), from.address, from.port, RELAY)]);
  });
}

test("Relay.fromUdp() passes a packet on without its trailers (R-29)", () => {
  const lab = trusted();
  assert.equal(lab.fromClient(concat(ANSWER, vector("T1"), vector("T5"))), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(ANSWER) }]);
});

for (
  const [destination, reason] of [
    ["ff02::1", Drop.DestinationScope],
    ["ff0e::1", Drop.DestinationScope],
    ["fe80::1", Drop.DestinationScope],
    ["::", Drop.DestinationScope],
    ["::1", Drop.DestinationScope],
    ["::ffff:192.0.2.1", Drop.DestinationScope],
    [vector("A5"), Drop.DestinationNotServed],
    [A2, Drop.DestinationNotServed],
  ] as const
) {
  const to = typeof destination === "string" ? destination : "a client";
  test(`Relay.fromUdp() passes nothing on to ${to} (R-25, R-33)`, () => {
    assertRefused(trusted(), data(A2, destination), reason);
  });
}

test("Relay.fromUdp() goes by the destination in the header, whatever a routing header names (R-25)", () => {
  const routed = (to: Address, named: Address) =>
    packet(43, A2, to, concat(Uint8Array.of(59, 2, 0, 1, 0, 0, 0, 0), addressBytes(named)));
  const lab = trusted();
  const client = teredo(CLIENT + 1, CLIENT_PORT);
  const bytes = routed(HOST, client);
  assert.equal(lab.fromClient(bytes), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(bytes) }]);
  assertRefused(trusted(), routed(client, HOST), Drop.DestinationNotServed);
});

test("Relay.fromUdp() passes on to served destinations alone (R-25, H-03)", () => {
  const lab = trusted({ served: [parseIpv6Prefix("2001:db8::1/128")!] });
  assertRefused(lab, data(A2, "2001:db8::2"), Drop.DestinationNotServed);
  assert.equal(lab.fromClient(ANSWER), Drop.None);
  lab.set({ served: [parseIpv6Prefix("2001:db8::2/127")!] });
  assert.equal(lab.fromClient(data(A2, "2001:db8::2")), Drop.None);
  assertRefused(lab, ANSWER, Drop.DestinationNotServed);
});

test("Relay.fromUdp() keeps a peer valid also by what it does not pass on (R-24, R-25)", () => {
  const lab = trusted({ served: [parseIpv6Prefix("2001:db8::1/128")!] });
  for (let i = 0; i < 5; i++) {
    lab.advance(19_000);
    lab.fromClient(data(A2, "2001:db8::2"));
  }
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
});

test("Relay.fromUdp() follows a symmetric NAT by the token of its bubble (R-22)", () => {
  const { lab, token } = resolving();
  assert.equal(lab.fromClient(bubble(A2, token), ELSEWHERE), Drop.None);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT + 1, RELAY)]);
  assert.equal(lab.fromClient(ANSWER, ELSEWHERE), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(ANSWER) }]);
});

test("Relay.fromUdp() follows no one while the peer is heard of (R-22)", () => {
  const { lab, token } = resolving();
  lab.fromClient(bubble(A2, token));
  assertRefused(lab, bubble(A2, token), Drop.SourceMismatch, ELSEWHERE);
  lab.advance(29_000);
  assertRefused(lab, bubble(A2, token), Drop.SourceMismatch, ELSEWHERE);
});

test("Relay.fromUdp() follows a trusted peer that fell silent (R-22)", () => {
  const lab = trusted();
  lab.advance(31_000);
  lab.fromIpv6(PACKET);
  assert.equal(lab.fromClient(bubble(A2, tokenOf(lab.sent)), ELSEWHERE), Drop.None);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT + 1, RELAY)]);
});

test("Relay.fromUdp() carries what comes from the mapping in the address, and moves no proven peer (R-21, R-22)", () => {
  const { lab, token } = resolving();
  lab.fromClient(bubble(A2, token), ELSEWHERE);
  for (let i = 0; i < 20; i++) {
    // Anybody can have forged these; not even the time of validity is theirs to lengthen.
    assert.equal(lab.fromClient(ANSWER), Drop.None);
    assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(ANSWER) }]);
    assert.equal(lab.fromClient(bubble(A2, HOST)), Drop.None);
    lab.fromIpv6(PACKET);
    assert.deepEqual(lab.sent[0], udp(PACKET, CLIENT, CLIENT_PORT + 1, RELAY));
    lab.advance(1_000);
  }
  lab.advance(10_000);
  lab.fromClient(ANSWER);
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent.map(({ to }) => to), [INDIRECT], "silent for 30 s: it is asked");
});

test("Relay.fromUdp() takes a proven peer that moved to its address's mapping by a token (R-21, R-22)", () => {
  const { lab, token } = resolving();
  lab.fromClient(bubble(A2, token), ELSEWHERE);
  lab.advance(30_000);
  assert.equal(lab.fromClient(ANSWER), Drop.None); // carried, while nothing goes the other way
  lab.fromIpv6(PACKET);
  const asked = tokenOf(lab.sent);
  assert.equal(lab.fromClient(ANSWER), Drop.None);
  assert.equal(lab.sent.length, 1, "what is held waits for proof");
  assert.equal(lab.fromClient(bubble(A2, asked)), Drop.None);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
});

test("Relay.fromUdp() lets the answer to a bubble win over who was trusted before it (R-21, R-22)", () => {
  const { lab, token } = resolving();
  assert.equal(lab.fromClient(ANSWER), Drop.None); // forged: what was held goes there
  assert.equal(lab.fromClient(bubble(A2, token), ELSEWHERE), Drop.None);
  lab.fromClient(ANSWER);
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT + 1, RELAY)]);
});

test("Relay.fromIpv6() asks who is trusted without proof, so that the right one can answer (R-21, R-22)", () => {
  const { lab } = resolving();
  lab.advance(8_000); // nobody answers
  lab.fromClient(ANSWER); // forged, and again before it is no longer valid
  let token: Uint8Array | undefined;
  for (let second = 0; second < 40 && token === undefined; second += 5) {
    lab.fromClient(ANSWER);
    lab.fromIpv6(PACKET);
    if (lab.sent.length > 1) token = tokenOf(lab.sent);
    lab.advance(5_000);
  }
  assert.ok(token !== undefined, "no bubble");
  assert.equal(lab.fromClient(bubble(A2, token), ELSEWHERE), Drop.None);
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT + 1, RELAY)]);
});

test("Relay.fromIpv6() sends who is trusted without proof no more than addressBubbleRate (R-10, R-24)", () => {
  const lab = new RelayLab({ addressBubbleRate: 100 });
  const flood = () => {
    let sent = 0;
    for (let i = 0; i < 500; i++) {
      const drop = lab.fromIpv6(PACKET);
      assert.ok(drop === Drop.None || drop === Drop.RateLimited);
      sent += lab.sent.length;
      lab.now += 2;
    }
    return sent;
  };
  lab.fromIpv6(PACKET);
  const token = tokenOf(lab.sent);
  lab.fromClient(ANSWER);
  const sent = flood();
  assert.ok(sent <= 100 && sent > 80, `${sent} in a second`);
  assert.ok(lab.fromClient(bubble(A2, token)) === Drop.None);
  assert.equal(flood(), 500);
});

test("Relay.fromUdp() no longer knows the mapping of a peer that failed (R-21, R-22)", () => {
  const { lab, token } = resolving();
  lab.fromClient(bubble(A2, token), ELSEWHERE);
  lab.advance(30_000);
  lab.fromIpv6(PACKET);
  lab.advance(8_000);
  assert.equal(lab.count("peers_failed"), 1);
  assertRefused(lab, ANSWER, Drop.SourceMismatch, ELSEWHERE);
});

test("Relay.fromUdp() wants the right token, in a bubble, for another mapping (R-22)", () => {
  const { lab, token } = resolving();
  for (let at = 8; at < 16; at++) {
    assertRefused(lab, bubble(A2, change(token, at, token[at]! ^ 4)), Drop.BadToken, ELSEWHERE);
  }
  assertRefused(lab, bubble(A2, change(token, 7, 1)), Drop.SourceMismatch, ELSEWHERE);
  assertRefused(lab, data(A2, token), Drop.SourceMismatch, ELSEWHERE);
  lab.fromIpv6(data(HOST, A6));
  assertRefused(lab, bubble(A2, tokenOf(lab.sent)), Drop.BadToken, ELSEWHERE); // another peer's
});

test("Relay.fromUdp() takes the answer to the first bubble still after the last (R-14, R-22)", () => {
  for (let start = 1_000_000; start < 1_060_000; start += 7_000) {
    const lab = new RelayLab();
    lab.now = start;
    lab.fromIpv6(PACKET);
    const token = tokenOf(lab.sent);
    lab.advance(7_900);
    assert.equal(lab.fromClient(bubble(A2, token), ELSEWHERE), Drop.None, `from ${start}`);
  }
});

test("Relay.fromUdp() does not take a token of two windows ago (R-22)", () => {
  const { lab, token } = resolving();
  lab.advance(60_000);
  assertRefused(lab, bubble(A2, token), Drop.BadToken, ELSEWHERE);
});
