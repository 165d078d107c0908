import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { bubble, concat, ip4, origin, teredo } from "../packets.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  describe,
  echoReply,
  type End,
  HOST,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  PEER_SERVER,
  portTrailer,
  RELAY_AT,
  SERVER_AT,
} from "./lab.ts";

/**
 * What those get who have proven nothing, while our host wants something of others: never what these
 * need. RFC 4380 §7.3.3
 */

const SECOND = 1_000;
const PEER_SERVER_AT: End = { address: PEER_SERVER, port: 3_544 };
const KEPT_AT: End = { ...MAPPED_AT, port: CLIENT_OPTIONS.servicePort };

/** Many of one IPv4 address, or each of its own. */
const place = (i: number, isOne = false): End =>
  isOne
    ? { address: ip4("192.0.3.1"), port: 1_024 + i }
    : { address: ip4("45.0.0.0") + i, port: 9_000 };
const named = (at: End) => teredo(at.address, at.port, PEER_SERVER);

/** A bubble from `source`, which our server tells of as come from `at`. */
function tell(
  lab: ClientLab,
  source: Uint8Array | string,
  at: End,
  trailers: Uint8Array = new Uint8Array(0),
): Drop {
  const b = concat(origin(at.address, at.port), bubble(source, lab.address), trailers);
  return lab.receive(b, SERVER_AT);
}

const straight = (lab: ClientLab, at: End) => lab.receive(bubble(named(at), lab.address), at);

// The rates

for (const isOne of [true, false]) {
  const from = isOne ? "one address" : "many addresses";
  test(`Client answers the relay of a host that it waits for, whatever others ${from} name as relays (C-31)`, () => {
    const lab = new ClientLab().qualify();
    for (let i = 0; i < 1_000; i++) tell(lab, "2001:db8:bad::1", place(i, isOne));
    assertDrop(tell(lab, "2001:db8:bad::1", place(2_000)), isOne ? Drop.None : Drop.RateLimited);
    lab.send(HOST);
    assertDrop(tell(lab, HOST, RELAY_AT), Drop.None);
    assert.equal(lab.sentTo(RELAY_AT).length, 1);
  });
}

test("Client answers no more than 20 relays a second of one address (C-31)", () => {
  const lab = new ClientLab().qualify();
  let answers = 0;
  for (let i = 0; i < 100; i++) {
    if (tell(lab, "2001:db8:bad::1", place(i, true)) === Drop.None) answers++;
  }
  assert.equal(answers, 20);
});

test("Client is not had by who speaks for the host that it waits for: one mapping is answered now and then", () => {
  const lab = new ClientLab().qualify();
  lab.send(HOST);
  let sent = 0;
  for (let i = 0; i < 100; i++) {
    tell(lab, HOST, place(0));
    sent += lab.sentTo(place(0)).length;
  }
  assert.equal(sent, 2);
});

test("Client takes in whom its server tells of, whatever comes straight, and the other way round (C-30)", () => {
  const flooded = new ClientLab({ maxPeers: 1_024 }).qualify();
  for (let i = 0; i < 300; i++) straight(flooded, place(i));
  assertDrop(straight(flooded, place(999)), Drop.RateLimited);
  assertDrop(flooded.indirect(), Drop.None);
  const forged = new ClientLab({ maxPeers: 1_024 }).qualify();
  for (let i = 0; i < 40; i++) straight(forged, { ...PEER_AT, port: 9_000 + i });
  assertDrop(straight(forged, { ...PEER_AT, port: 9_999 }), Drop.RateLimited);
  assertDrop(forged.indirect(), Drop.None);
  const told = new ClientLab({ maxPeers: 1_024 }).qualify();
  for (let i = 0; i < 300; i++) tell(told, named(place(i)), place(i));
  assertDrop(tell(told, named(place(999)), place(999)), Drop.RateLimited);
  assertDrop(told.direct(PEER_AT), Drop.None);
});

// The table

test("Client's table has room for whom our host wants, though strangers that are there fill their half", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  for (let i = 0; i < 4; i++) assertDrop(straight(lab, place(i)), Drop.None);
  assertDrop(straight(lab, place(4)), Drop.RateLimited);
  assert.equal(lab.client.gauges.trusted, 4, "those that are there stay");
  for (let i = 0; i < 8; i++) assertDrop(lab.send(`2001:db8::${i + 1}`), Drop.None);
  assert.equal(lab.client.gauges.trusted, 0, "strangers go first");
  assert.equal(lab.client.gauges.peers, 8);
  assertDrop(lab.receive(data("2001:db8:bad::1", lab.address), place(5)), Drop.PeerTableFull);
  assert.deepEqual(lab.sent, [], "nobody is tested for whom there is no room");
  assertDrop(lab.send("2001:db8::99"), Drop.None);
  assert.equal(lab.client.gauges.peers, 8);
  assert.equal(lab.client.gauges.resolving, 8);
});

test("Client's table keeps whom our host waits for while strangers come and go", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  lab.send(HOST);
  const [asked] = lab.sentTo(SERVER_AT);
  for (let i = 0; i < 40; i++) {
    // Each is silent when the next one comes, but for the last four.
    straight(lab, place(i));
  }
  lab.advance(SECOND);
  assertDrop(lab.receive(echoReply(asked!.bytes), RELAY_AT), Drop.None);
  assert.equal(lab.sentTo(RELAY_AT).length, 1, "what was held goes");
});

test("Client's table keeps whom our host talks to, though he was heard of first", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  assertDrop(lab.direct(PEER_AT), Drop.None);
  lab.send(PEER);
  assertDrop(lab.receive(data(PEER, lab.address), PEER_AT), Drop.None);
  for (let i = 0; i < 9; i++) lab.send(`2001:db8::${i + 1}`);
  assert.equal(lab.client.gauges.trusted, 1);
});

test("Client's table has room for whom our host wants behind 1,100 that never answered", () => {
  const half = 1_100;
  const lab = new ClientLab({ maxPeers: 2 * half }).qualify();
  for (let i = 0; i < half; i++) {
    lab.send(`2001:db8::${(i + 1).toString(16)}`);
    lab.live(100);
  }
  lab.live(20 * SECOND);
  for (let i = 0; i < half; i++) {
    assertDrop(straight(lab, place(i)), Drop.None);
    lab.live(11);
  }
  assert.equal(lab.client.gauges.peers, 2 * half);
  assertDrop(lab.send("2001:db8:1::1"), Drop.None);
  assert.equal(lab.client.gauges.trusted, half - 1, "a stranger gave way");
  lab.live(31 * SECOND);
  assertDrop(straight(lab, place(half)), Drop.None);
  assertDrop(straight(lab, place(half + 1)), Drop.None);
});

test("Client's table lets strangers that are silent give way to others", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  for (let i = 0; i < 4; i++) straight(lab, place(i));
  lab.live(31 * SECOND);
  assertDrop(straight(lab, place(4)), Drop.None);
  assert.equal(lab.client.gauges.peers, 4);
});

test("Client's table has room for as many strangers again when they have been forgotten", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4; i++) assertDrop(straight(lab, place(10 * round + i)), Drop.None);
    assertDrop(straight(lab, place(99)), Drop.RateLimited);
    lab.live(301 * SECOND);
    assert.equal(lab.client.gauges.peers, 0);
  }
});

test("Client counts nobody as a stranger any more to whom its host sends, in another network either", () => {
  const lab = new ClientLab({ maxPeers: 8 }).qualify();
  for (let i = 0; i < 4; i++) straight(lab, place(i));
  lab.live(31 * SECOND);
  for (let i = 0; i < 4; i++) assertDrop(lab.send(named(place(i))), Drop.None);
  for (let i = 4; i < 8; i++) assertDrop(straight(lab, place(i)), Drop.None);
  assert.equal(lab.client.gauges.peers, 8, "nobody gave way");
  assertDrop(straight(lab, place(8)), Drop.RateLimited);
  const elsewhere = { ...MAPPED_AT, port: 41_000 };
  for (const asked of lab.live(31 * SECOND).sentTo(SERVER_AT).slice(-1)) {
    lab.advertise(asked, elsewhere);
  }
  lab.live(320 * SECOND, elsewhere);
  assert.equal(lab.client.gauges.peers, 0);
  for (let i = 0; i < 4; i++) assertDrop(straight(lab, place(i)), Drop.None);
  assertDrop(straight(lab, place(8)), Drop.RateLimited);
});

// The bubbles: four in 300 s. RFC 4380 §5.2.6

test("Client leaves two of a peer's four bubbles to who wants something of it (C-46)", () => {
  const lab = new ClientLab().qualify();
  let invited = 0;
  for (let i = 0; i < 8; i++) {
    // From elsewhere than its source says, by whomever: the peer is asked for a sign of life.
    lab.receive(data(PEER, lab.address), place(i));
    invited += lab.sentTo(PEER_SERVER_AT).length;
    lab.live(2.5 * SECOND);
    invited += lab.sentTo(PEER_SERVER_AT).length;
  }
  assert.equal(invited, 2);
  assertDrop(lab.send(PEER), Drop.None);
  let wanted = lab.sentTo(PEER_SERVER_AT).length;
  lab.live(9 * SECOND);
  wanted += lab.sentTo(PEER_SERVER_AT).length;
  assert.equal(wanted, 2);
});

test("Client leaves two of a native host's tests to who wants something of it (C-31)", () => {
  const lab = new ClientLab().qualify();
  for (let i = 0; i < 3; i++) {
    lab.receive(data(HOST, lab.address), place(i));
    lab.live(2.5 * SECOND);
  }
  assertDrop(lab.send(HOST), Drop.None);
  assert.equal(lab.sentTo(SERVER_AT).length, 1);
});

// The random ports: RFC 6081 §5.4, §5.5

test("Client leaves half of its random ports to whom our host wants, who gets those of strangers too (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  for (let i = 0; i < 16; i++) {
    const at = place(i, true);
    tell(lab, named(at), at, nonceTrailer("01020304"));
    lab.receive(bubble(named(at), lab.address), at, 1 + i);
  }
  assert.equal(lab.ports.size, 8);
  assert.equal(lab.client.gauges.trusted, 8, "each is heard of");
  for (let i = 0; i < 17; i++) {
    assertDrop(lab.send(named(place(100 + i))), Drop.None);
    const { randomPort } = describe(lab.sentTo(PEER_SERVER_AT)[0]!);
    assert.equal(randomPort !== 0, i < 16, `the ${i + 1}th`);
  }
  assert.equal(lab.ports.size, 16);
});

/** Solicitations by random ports, and those of the service port apart. */
const testsIn = (lab: ClientLab) =>
  lab.sent.filter(({ path, bytes }) => path !== 0 && bytes[0] === 0 && bytes[1] === 1).length;

test("Client behind a sequential NAT makes no test for a stranger that is heard of a moment later (C-77)", () => {
  const lab = new ClientLab().qualifySymmetric();
  assertDrop(lab.indirect(nonceTrailer("01020304")), Drop.None);
  assert.equal(testsIn(lab), 0);
  assertDrop(lab.direct(PEER_AT), Drop.None);
  lab.advance(SECOND);
  assert.equal(testsIn(lab), 0);
});

for (const peers of [1, 64]) {
  test(`Client behind a sequential NAT tests no port oftener for ${peers} peers that change theirs (C-77)`, () => {
    const lab = new ClientLab().qualifySymmetric();
    let tests = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < peers; i++) {
        const at = place(i);
        tell(lab, named(at), at, concat(nonceTrailer("01020304"), portTrailer(2_000 + second % 2)));
        tests += testsIn(lab);
      }
      lab.live(SECOND);
      tests += testsIn(lab);
    }
    // Two solicitations each; two in 30 s for one peer, two a second and two at once for all.
    assert.ok(
      tests > 0 && tests <= 2 * Math.min(2 * peers * 3, 2 * 60 + 2),
      `${tests} solicitations`,
    );
  });
}

test("Client behind a sequential NAT tests anew for who was heard of since, and has another port (C-77)", () => {
  const lab = new ClientLab().qualifySymmetric();
  const trailers = (port: number) => concat(nonceTrailer("01020304"), portTrailer(port));
  lab.send(PEER);
  assert.equal(testsIn(lab) + testsIn(lab.live(3 * SECOND)), 4);
  lab.indirect(trailers(1_201));
  assertDrop(lab.direct(PEER_AT), Drop.None);
  lab.live(40 * SECOND);
  lab.indirect(trailers(1_333));
  assert.ok(testsIn(lab) + testsIn(lab.live(SECOND)) > 0);
});

test("Client behind a sequential NAT tests again after 300 s (C-77)", () => {
  const lab = new ClientLab().qualifySymmetric();
  const testsOf = () => {
    lab.send(PEER);
    let tests = testsIn(lab);
    lab.live(10 * SECOND);
    tests += testsIn(lab);
    return tests;
  };
  assert.equal(testsOf(), 4);
  lab.live(20 * SECOND);
  assert.equal(testsOf(), 0, "the peer has left all unanswered");
  lab.live(310 * SECOND);
  assert.equal(testsOf(), 4);
});
