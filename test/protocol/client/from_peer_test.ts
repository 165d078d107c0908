import assert from "node:assert/strict";
import test from "node:test";
import { EchoTests } from "#src/protocol/client/peers/echo_tests.ts";
import { makeCounters } from "#src/protocol/counters.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { formatIpv6, parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  bubble,
  change,
  concat,
  fixChecksum,
  icmpv6,
  ip4,
  origin,
  packet,
  teredo,
} from "../packets.ts";
import { fromHex, toHex, vector } from "../vectors.ts";
import {
  assertDrop,
  ClientLab,
  data,
  describe,
  echoReply,
  type End,
  endOf,
  HOST,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  PEER_SERVER,
  RELAY_AT,
  SERVER_AT,
  sipHash,
} from "./lab.ts";

const SECOND = 1_000;
const TOKEN = "fe80::1234:5678:9abc:def0";
const STRANGER_AT: End = { address: ip4("192.0.2.99"), port: 1_024 };

const qualified = () => new ClientLab().qualify();

// What is no packet for us

const malformed = [
  { name: "of 39 bytes", hex: "60".padEnd(78, "0"), want: Drop.Truncated },
  { name: "of an unknown encapsulation", hex: "0002" + "00".repeat(60), want: Drop.NotTeredo },
  { name: "of IPv4", hex: "45".padEnd(100, "0"), want: Drop.NotIpv6 },
  { name: "with an authentication that is cut", hex: "0001ffff0000", want: Drop.Truncated },
  { name: "of nothing", hex: "", want: Drop.Truncated },
];

for (const { name, hex, want } of malformed) {
  test(`Client.fromUdp() silently drops a datagram ${name} (C-20, N8)`, () => {
    const lab = qualified();
    assertDrop(lab.receive(fromHex(hex), PEER_AT), want);
    assert.deepEqual(lab.sent, []);
  });
}

interface Refused {
  readonly name: string;
  readonly bytes: (address: Uint8Array) => Uint8Array;
  readonly from?: End;
  readonly want: Drop;
}

const refused: readonly Refused[] = [
  {
    name: "to another Teredo address (C-20)",
    bytes: (a) => data(PEER, change(a, 15, 0)),
    want: Drop.DestinationNotOurs,
  },
  { name: "to ff02::1 (C-20)", bytes: () => data(PEER, "ff02::1"), want: Drop.DestinationNotOurs },
  {
    name: "whose Teredo source names another mapping (C-24, C-26, N9)",
    bytes: (a) => data(PEER, a),
    from: { ...PEER_AT, port: 8_193 },
    want: Drop.SourceMismatch,
  },
  {
    name: "that is a bubble whose source names another mapping (C-74)",
    bytes: (a) => bubble(PEER, a),
    from: { ...PEER_AT, address: PEER_AT.address + 1 },
    want: Drop.SourceMismatch,
  },
  {
    name: "from a link-local source, as a forged advertisement has (C-29)",
    bytes: (a) => icmpv6(134, "fe80::1", a, new Uint8Array(12), 255),
    want: Drop.SourceScope,
  },
  {
    name: "from ::1",
    bytes: (a) => data("::1", a),
    want: Drop.SourceScope,
  },
  { name: "from ff02::1", bytes: (a) => data("ff02::1", a), want: Drop.SourceScope },
  { name: "from our own address", bytes: (a) => data(a, a), want: Drop.OwnAddress },
  {
    name: "from our own mapping",
    bytes: (a) => data(PEER, a),
    from: MAPPED_AT,
    want: Drop.OwnAddress,
  },
  {
    name: "with a trailer that must be understood (C-70, N14)",
    bytes: (a) => concat(bubble(PEER, a), fromHex("7f020000")),
    want: Drop.UnknownTrailer,
  },
  {
    name: "with a routing header of type 0 (C-06)",
    bytes: (a) => {
      const routing = fromHex("1102000100000000" + "20010db8000000000000000000000005");
      return packet(43, PEER, a, routing);
    },
    want: Drop.RoutingHeader,
  },
  {
    name: "with a routing header of type 0 behind options (C-06)",
    bytes: (a) => packet(60, PEER, a, fromHex("2b00010400000000" + "1100000100000000")),
    want: Drop.RoutingHeader,
  },
  {
    name: "from 127.0.0.1",
    bytes: (a) => data(PEER, a),
    from: { address: ip4("127.0.0.1"), port: 8_192 },
    want: Drop.SourceNotGlobal,
  },
  {
    name: "from port 0",
    bytes: (a) => data(PEER, a),
    from: { ...PEER_AT, port: 0 },
    want: Drop.SourceNotGlobal,
  },
  {
    name: "of a native host from a private address (C-27)",
    bytes: (a) => data(HOST, a),
    from: { address: ip4("192.168.1.1"), port: 3_545 },
    want: Drop.SourceNotGlobal,
  },
  ...["10.0.0.9", "192.168.1.9", "169.254.1.1"].map((mapped) => ({
    name: `of a client that is at ${mapped}, as its address says (C-30)`,
    bytes: (a: Uint8Array) => data(teredo(ip4(mapped), 8_192, PEER_SERVER), a),
    from: { address: ip4(mapped), port: 8_192 },
    want: Drop.SourceMismatch,
  })),
];

for (const { name, bytes, from = PEER_AT, want } of refused) {
  test(`Client.fromUdp() passes on no packet ${name}: ${DROP_NAMES[want]}`, () => {
    const lab = qualified();
    assertDrop(lab.receive(bytes(lab.address), from), want);
    assert.deepEqual(lab.sentTo("ipv6"), []);
    assert.equal(lab.sentTo(from).length, 0, "nor answers it");
  });
}

test("Client.fromUdp() passes on a packet whose routing header is another (C-06)", () => {
  const lab = qualified();
  const b = packet(43, PEER, lab.address, fromHex("1100020100000000"));
  assertDrop(lab.receive(b, PEER_AT), Drop.None);
  assert.equal(lab.sentTo("ipv6").length, 1);
});

// Clients

test("Client.fromUdp() trusts a client that is where its address says, and passes its packet on (C-22, C-24)", () => {
  const lab = qualified();
  const b = data(PEER, lab.address);
  assertDrop(lab.receive(concat(b, nonceTrailer("00000000")), PEER_AT), Drop.None);
  assert.deepEqual(lab.sentTo("ipv6").map(({ bytes }) => toHex(bytes)), [toHex(b)], "no trailer");
  assert.equal(lab.client.gauges.trusted, 1);
  assertDrop(lab.send(PEER), Drop.None);
  assert.equal(lab.sentTo(PEER_AT).length, 1);
});

test("Client.fromUdp() ends a bubble (C-24)", () => {
  const lab = qualified();
  assertDrop(lab.direct(PEER_AT), Drop.None);
  assert.deepEqual(lab.sentTo("ipv6"), []);
  assert.equal(lab.count("bubbles_received"), 1);
});

test("Client.fromUdp() answers a bubble of a new client by one, and of a known one by none (C-28)", () => {
  const lab = qualified();
  lab.direct(PEER_AT);
  assert.equal(lab.sentTo(PEER_AT).length, 1);
  lab.direct(PEER_AT);
  assert.deepEqual(lab.sent, []);
});

test("Client.fromUdp() asks who sends from elsewhere for proof, by way of its server (C-28)", () => {
  const lab = qualified();
  lab.receive(data(PEER, lab.address), STRANGER_AT);
  assert.deepEqual(lab.sent.map((it) => it.to).sort(), [
    endOf(PEER_AT),
    endOf({ address: PEER_SERVER, port: 3_544 }),
  ]);
});

// By way of our server

test("Client.fromUdp() answers an indirect bubble of a relay at its origin, and there alone (C-21, B2, B3)", () => {
  const lab = qualified();
  const { address, port } = RELAY_AT;
  const b = concat(origin(address, port), bubble(TOKEN, lab.address));
  assertDrop(lab.receive(b, SERVER_AT), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(RELAY_AT)]);
  const { bubble: isBubble, destination, source } = describe(lab.sent[0]!);
  assert.deepEqual([isBubble, source, destination], [true, formatIpv6(lab.address), TOKEN]);
  assert.equal(lab.sent[0]!.bytes.length, 40);
});

test("Client.fromUdp() answers an origin twice at once, then once in 2 s (C-21, C-46)", () => {
  const lab = qualified();
  const b = concat(origin(RELAY_AT.address, RELAY_AT.port), bubble(TOKEN, lab.address));
  const got = Array.from({ length: 5 }, () => lab.receive(b, SERVER_AT));
  assert.deepEqual(got.map((it) => it === Drop.None), [true, true, false, false, false]);
  lab.advance(2 * SECOND);
  assertDrop(lab.receive(b, SERVER_AT), Drop.None);
  assertDrop(lab.receive(b, SERVER_AT), Drop.RateLimited);
});

for (const private_ of ["10.0.0.1", "127.0.0.1", "192.168.0.1", "224.0.0.1"]) {
  test(`Client.fromUdp() answers no origin ${private_} (C-21)`, () => {
    const lab = qualified();
    const b = concat(origin(ip4(private_), 80), bubble(TOKEN, lab.address));
    assertDrop(lab.receive(b, SERVER_AT), Drop.MappedAddressNotGlobal);
    assert.deepEqual(lab.sent, []);
  });
}

test("Client.fromUdp() answers no origin that is our own mapping (C-21)", () => {
  const lab = qualified();
  const b = concat(origin(MAPPED_AT.address, MAPPED_AT.port), bubble(TOKEN, lab.address));
  assertDrop(lab.receive(b, SERVER_AT), Drop.OwnAddress);
});

test("Client.fromUdp() takes what has no origin for a relay's that is beside the server (C-21, C-27)", () => {
  const lab = qualified();
  lab.send(HOST);
  assertDrop(lab.receive(echoReply(lab.sent[0]!.bytes), SERVER_AT), Drop.None);
  assert.equal(lab.sentTo(SERVER_AT).length, 1, "what was held");
});

test("Client.fromUdp() believes no origin from who is no server of ours (C-21)", () => {
  const lab = qualified();
  const { address, port } = RELAY_AT;
  const b = concat(origin(address, port), bubble(TOKEN, lab.address));
  assertDrop(lab.receive(b, { address: SERVER_AT.address + 8, port: 3_544 }), Drop.UnknownPeer);
  assert.deepEqual(lab.sent, []);
});

// Native hosts

test("Client.fromUdp() holds a native stranger's packet, and passes it on when the host answers from there (C-27)", () => {
  const lab = qualified();
  const b = data(HOST, lab.address, 0x77);
  assertDrop(lab.receive(b, RELAY_AT), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(SERVER_AT)]);
  assertDrop(lab.receive(echoReply(lab.sent[0]!.bytes), RELAY_AT), Drop.None);
  assert.deepEqual(lab.sentTo("ipv6").map(({ bytes }) => toHex(bytes)), [toHex(b)]);
});

test("Client.fromUdp() passes a native packet on to nobody when the host answers from elsewhere (C-27)", () => {
  const lab = qualified();
  lab.receive(data(HOST, lab.address), STRANGER_AT);
  const request = lab.sent[0]!.bytes;
  assertDrop(lab.receive(echoReply(request), RELAY_AT), Drop.None);
  assert.deepEqual(lab.sentTo("ipv6"), []);
  assertDrop(lab.receive(data(HOST, lab.address), STRANGER_AT), Drop.SourceMismatch);
  assertDrop(lab.receive(data(HOST, lab.address), RELAY_AT), Drop.None);
  assert.equal(lab.sentTo("ipv6").length, 1);
  lab.send(HOST);
  assert.deepEqual(
    lab.sent.map((it) => it.to),
    [endOf(RELAY_AT)],
    "no packet goes to the stranger",
  );
});

test("Client.fromUdp() pings once for a stranger's packet, and does not repeat it (C-27)", () => {
  const lab = qualified();
  lab.receive(data(HOST, lab.address), STRANGER_AT);
  assert.equal(lab.sent.length, 1);
  lab.advance(20 * SECOND);
  assert.equal(lab.sent.filter(({ bytes }) => bytes[0] === 0x60).length, 0);
  assert.equal(lab.client.gauges.heldPackets, 0);
});

test("Client.fromUdp() pings at a stranger's word 20 times at once, 100 for all (C-27)", () => {
  const lab = qualified();
  let pings = 0;
  for (let i = 0; i < 40; i++) {
    lab.receive(data(`2001:db8::${i + 1}`, lab.address), STRANGER_AT);
    pings += lab.sent.length;
  }
  assert.equal(pings, 20);
  for (let from = 0; from < 40; from++) {
    for (let i = 0; i < 10; i++) {
      const at = { address: STRANGER_AT.address + 256 * from + 1, port: 1_024 };
      lab.receive(data(`2001:db8:${from + 1}::${i + 1}`, lab.address), at);
      pings += lab.sent.length;
    }
  }
  assert.equal(pings, 100);
});

const forged: { name: string; make: (reply: Uint8Array) => Uint8Array }[] = [
  {
    name: "whose data has one bit changed (N13)",
    make: (b) => fixChecksum(change(b, 55, b[55]! ^ 1)),
  },
  { name: "with 4 bytes of data (E4)", make: () => vector("E4") },
  { name: "with another identifier", make: (b) => fixChecksum(change(b, 44, b[44]! ^ 1)) },
  { name: "of another host", make: (b) => fixChecksum(change(b, 23, b[23]! ^ 2)) },
  { name: "with a wrong checksum", make: (b) => change(b, 42, b[42]! ^ 1) },
];

for (const { name, make } of forged) {
  test(`Client.fromUdp() trusts nobody for an echo reply ${name} (C-23)`, () => {
    const lab = qualified();
    lab.send(HOST);
    const reply = make(echoReply(lab.sent[0]!.bytes));
    reply.set(lab.address, 24);
    lab.receive(reply, RELAY_AT);
    assert.equal(lab.client.gauges.trusted, 0);
    assert.deepEqual(lab.sentTo(RELAY_AT), []);
  });
}

test("EchoTests.isAnswer() takes the data of a test for no other pair of addresses (C-23)", () => {
  const tests = new EchoTests(sipHash(1), 7, makeCounters());
  const sent: Uint8Array[] = [];
  const sink: TunnelSink = {
    sendDatagram: ({ bytes, at, length }) => void sent.push(bytes.slice(at, at + length)),
    sendIpv6: () => assert.fail(),
    sendIcmpv6Error: () => assert.fail(),
  };
  tests.send(PEER, parseIpv6(HOST)!, 0, MAPPED_AT.address, 0, sink);
  const reply = echoReply(sent[0]!);
  assert.ok(tests.isAnswer(reply, 0, reply.length, 0));
  // Source and destination.
  for (let at = 8; at < 40; at++) {
    const other = fixChecksum(change(reply, at, reply[at]! ^ 1));
    assert.ok(!tests.isAnswer(other, 0, other.length, 0), `with another byte ${at}`);
  }
});

test("Client.fromUdp() takes the answer to a test for 30 s, and not for two windows (C-23)", () => {
  for (const [wait, trusted] of [[29, 1], [61, 0]] as const) {
    const lab = qualified();
    lab.send(HOST);
    const request = lab.sent[0]!.bytes;
    lab.advance(wait * SECOND);
    lab.receive(echoReply(request), RELAY_AT);
    assert.equal(lab.client.gauges.trusted, trusted, `after ${wait} s`);
  }
});

test("Client.fromUdp() follows a host to another relay by a test (C-22, C-23, C-27)", () => {
  const lab = qualified();
  lab.send(HOST);
  lab.receive(echoReply(lab.sent[0]!.bytes), RELAY_AT);
  lab.live(3 * SECOND);
  const other = { ...RELAY_AT, address: RELAY_AT.address + 1 };
  assertDrop(lab.receive(data(HOST, lab.address), other), Drop.SourceMismatch);
  const [request] = lab.sentTo(SERVER_AT);
  assertDrop(lab.receive(echoReply(request!.bytes), other), Drop.None);
  assertDrop(lab.receive(data(HOST, lab.address), other), Drop.None);
  lab.send(HOST);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(other)]);
});

test("Client.fromUdp() follows a host by each test once (C-23)", () => {
  const lab = qualified();
  lab.send(HOST);
  lab.receive(echoReply(lab.sent[0]!.bytes), RELAY_AT);
  lab.live(3 * SECOND);
  const others = [1, 2].map((i) => ({ ...RELAY_AT, address: RELAY_AT.address + i }));
  lab.receive(data(HOST, lab.address), others[0]!);
  const [request] = lab.sentTo(SERVER_AT);
  assertDrop(lab.receive(echoReply(request!.bytes), others[0]!), Drop.None);
  assertDrop(lab.receive(echoReply(request!.bytes), others[1]!), Drop.SourceMismatch);
  lab.send(HOST);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(others[0]!)]);
});

test("Client.fromUdp() answers a relay that has forgotten it, and no other (C-28)", () => {
  const lab = qualified();
  assertDrop(lab.receive(bubble(TOKEN, lab.address), RELAY_AT), Drop.UnknownPeer);
  lab.send(HOST);
  lab.receive(echoReply(lab.sent[0]!.bytes), RELAY_AT);
  assertDrop(lab.receive(bubble(TOKEN, lab.address), RELAY_AT), Drop.None);
  assert.deepEqual(lab.sent.map((it) => [it.to, describe(it).destination]), [
    [endOf(RELAY_AT), TOKEN],
  ]);
  assertDrop(lab.receive(bubble(TOKEN, lab.address), STRANGER_AT), Drop.UnknownPeer);
});
