import assert from "node:assert/strict";
import test from "node:test";
import type { Extensions } from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { concat, ip4, teredo } from "../packets.ts";
import { CLIENT_LOCAL, fromHex, SECONDARY_SERVER, SERVER, vector } from "../vectors.ts";
import {
  alternatesTrailer,
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  describe,
  discoveryTrailer,
  type End,
  endOf,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  PEER_SERVER,
  portTrailer,
  type Sent,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const PEER_SERVER_AT: End = { address: PEER_SERVER, port: 3_544 };
const SECONDARY_AT: End = { address: SECONDARY_SERVER, port: 3_544 };
/** Where a peer behind a symmetric NAT comes from. */
const ELSEWHERE: End = { ...PEER_AT, port: 9_999 };
/** Our port where the NAT keeps it. */
const KEPT_AT: End = { ...MAPPED_AT, port: CLIENT_OPTIONS.servicePort };

/** Another peer, its address and where it is. */
function stranger(i: number): [Uint8Array, End] {
  const at = { ...PEER_AT, port: 20_000 + i };
  return [teredo(at.address, at.port, PEER_SERVER), at];
}

const without = (...names: (keyof Extensions)[]) => ({
  extensions: {
    ...CLIENT_OPTIONS.extensions,
    ...Object.fromEntries(names.map((name) => [name, false])),
  },
});
const qualified = () => new ClientLab().qualify();
const nonceOf = (sent: Sent | undefined) => describe(sent!).nonce;

// Symmetric NAT Support: RFC 6081 §5.2

test("Client puts a fresh nonce in each indirect bubble, and none in the first direct one (C-71, C-72)", () => {
  const lab = qualified();
  lab.send(PEER);
  const seen = new Set([nonceOf(lab.sentTo(PEER_SERVER_AT)[0])]);
  assert.equal(nonceOf(lab.sentTo(PEER_AT)[0]), undefined);
  lab.advance(6_100);
  for (const sent of lab.sentTo(PEER_SERVER_AT)) seen.add(nonceOf(sent));
  assert.equal(seen.size, 4);
  assert.ok(!seen.has(undefined));
});

test("Client answers an indirect bubble with its nonce (C-72, C-73)", () => {
  const lab = qualified();
  assertDrop(lab.indirect(nonceTrailer("deadbeef")), Drop.None);
  const [answer] = lab.sentTo(PEER_AT);
  assert.equal(nonceOf(answer), "deadbeef");
  lab.advance(1_100);
  lab.indirect(nonceTrailer("00000000"));
  assert.equal(nonceOf(lab.sentTo(PEER_AT)[0]), "00000000", "0 is a nonce like any other");
});

test("Client forgets the nonce when an indirect bubble comes without one (C-73)", () => {
  const lab = qualified();
  lab.indirect(nonceTrailer("deadbeef"));
  lab.advance(1_100);
  lab.indirect();
  assert.equal(nonceOf(lab.sentTo(PEER_AT)[0]), undefined);
});

test("Client asks in return whoever asks, if it does not hear of it (C-45, C-71)", () => {
  const lab = qualified();
  lab.indirect(nonceTrailer("deadbeef"));
  assert.deepEqual(lab.sentTo(PEER_SERVER_AT), [], "not at once: it may not be needed");
  lab.advance(400);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
  lab.advance(10 * SECOND);
  assert.deepEqual(lab.sentTo(PEER_SERVER_AT), [], "once for each time");

  const heard = qualified();
  heard.indirect(nonceTrailer("deadbeef"));
  heard.direct(PEER_AT);
  heard.advance(400);
  assert.deepEqual(heard.sentTo(PEER_SERVER_AT), []);
});

test("Client trusts a bubble from elsewhere for the nonce that it sent last (C-74)", () => {
  const lab = qualified();
  lab.send(PEER, 5);
  const first = nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!;
  lab.advance(2_100);
  const second = nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!;
  assertDrop(lab.direct(ELSEWHERE, nonceTrailer(first)), Drop.NonceMismatch);
  assertDrop(lab.direct(ELSEWHERE, nonceTrailer(second)), Drop.None);
  assert.equal(lab.sentTo(ELSEWHERE).filter(({ bytes }) => bytes[6] === 17).length, 1);
  assertDrop(lab.send(PEER), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(ELSEWHERE)]);
});

for (const nonce of ["00000000", "ffffffff", "deadbeef"]) {
  test(`Client trusts nobody for nonce ${nonce} when it has sent none (C-74, C-74b)`, () => {
    const lab = qualified();
    assertDrop(lab.direct(ELSEWHERE, nonceTrailer(nonce)), Drop.NonceMismatch);
    lab.indirect();
    assertDrop(lab.direct(ELSEWHERE, nonceTrailer(nonce)), Drop.NonceMismatch);
    assert.deepEqual(lab.sent, []);
    assert.equal(lab.client.gauges.trusted, 0);
  });
}

test("Client carries what comes from the address's mapping, and moves no peer that a nonce has proven (C-74)", () => {
  const lab = qualified();
  lab.send(PEER);
  lab.direct(ELSEWHERE, nonceTrailer(nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!));
  assertDrop(lab.direct(PEER_AT), Drop.None);
  lab.send(PEER);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(ELSEWHERE)]);
  lab.live(31 * SECOND);
  assertDrop(lab.direct(PEER_AT), Drop.None);
  lab.send(PEER);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(PEER_AT)], "after 30 s it has moved");
});

test("Client without the extension sends no trailer, and takes none (C-80)", () => {
  const lab = new ClientLab(without("symmetric")).qualify();
  lab.send(PEER);
  assert.ok(lab.sent.every(({ bytes }) => bytes.length === 40));
  lab.indirect(nonceTrailer("deadbeef"));
  assert.ok(lab.sent.every(({ bytes }) => bytes.length === 40));
  assertDrop(lab.direct(ELSEWHERE, nonceTrailer("deadbeef")), Drop.NonceMismatch);
});

test("Client skips trailers that it does not know, and stops at a malformed one (C-70, P5)", () => {
  for (const [id, nonce] of [["T9", "deadbeef"], ["T10", undefined]] as const) {
    const lab = qualified();
    assertDrop(lab.indirect(vector(id).slice(40)), Drop.None);
    assert.equal(nonceOf(lab.sentTo(PEER_AT)[0]), nonce, id);
  }
});

// Hairpinning: RFC 6081 §5.6

test("Client tells its local address in indirect bubbles to who is not heard of (C-78)", () => {
  const lab = qualified();
  lab.send(PEER);
  const local = endOf({ address: CLIENT_LOCAL, port: CLIENT_OPTIONS.servicePort });
  assert.deepEqual(describe(lab.sentTo(PEER_SERVER_AT)[0]!).alternates, [local]);
  const other = new ClientLab(without("hairpin")).qualify();
  other.send(PEER);
  assert.deepEqual(describe(other.sentTo(PEER_SERVER_AT)[0]!).alternates, []);
});

test("Client with no NAT in front has nothing to tell (C-78)", () => {
  const { address } = MAPPED_AT;
  const lab = new ClientLab({ localAddress: address, ownAddresses: [address] }).qualify(KEPT_AT);
  lab.send(PEER);
  assert.deepEqual(describe(lab.sentTo(PEER_SERVER_AT)[0]!).alternates, []);
});

const ALTERNATES: readonly End[] = [
  { address: ip4("192.168.1.7"), port: 4_095 },
  { address: ip4("10.9.8.7"), port: 5_000 },
  { address: ip4("203.0.113.77"), port: 6_000 },
  { address: ip4("172.16.5.4"), port: 7_000 },
];

test("Client answers at every alternate address, with the nonce, once (C-78)", () => {
  const lab = qualified();
  lab.indirect(concat(nonceTrailer("deadbeef"), alternatesTrailer(...ALTERNATES)));
  assert.deepEqual(lab.sent.map((it) => it.to), [PEER_AT, ...ALTERNATES].map(endOf));
  assert.ok(lab.sent.every((it) => nonceOf(it) === "deadbeef"));
  lab.indirect(concat(nonceTrailer("deadbeef"), alternatesTrailer(...ALTERNATES)));
  assert.deepEqual(lab.sent, [], "not oftener than once in a second");
});

test("Client trusts who answers from an alternate address by the nonce (C-78)", () => {
  const lab = qualified();
  lab.send(PEER);
  const nonce = nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!;
  assertDrop(lab.direct(ALTERNATES[0]!, nonceTrailer(nonce)), Drop.None);
  lab.send(PEER);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(ALTERNATES[0]!)]);
});

test("Client sends one bubble to an address, however often the peer names it (C-78)", () => {
  const lab = qualified();
  const victim = ALTERNATES[2]!;
  lab.indirect(alternatesTrailer(victim, PEER_AT, victim, ALTERNATES[0]!));
  assert.deepEqual(lab.sent.map((it) => it.to), [PEER_AT, victim, ALTERNATES[0]!].map(endOf));
  const other = qualified();
  const asked = { ...PEER_AT, port: 40_000 };
  other.indirect(concat(portTrailer(asked.port), alternatesTrailer(asked)));
  assert.equal(other.sentTo(asked).length, 1, "as its random port");
});

test("Client drops a bubble whose alternate addresses are malformed (C-78, N16)", () => {
  for (const hex of ["030f0000c0a801000fff0a090807138800", "030800000a0908070000"]) {
    const lab = qualified();
    assertDrop(lab.indirect(fromHex(hex)), Drop.BadTrailer);
    assert.deepEqual(lab.sent, []);
  }
});

/** Addresses that are not the peer's to name. */
const subnet = ip4("10.0.0.255");
const refusedAlternates: [string, End][] = [
  ["our own, at another port", { address: CLIENT_LOCAL, port: 53 }],
  ["the one that our NAT has, at another port", { ...MAPPED_AT, port: 53 }],
  ["all hosts of our subnet", { address: subnet, port: 9 }],
];
for (const [what, end] of refusedAlternates) {
  test(`Client sends nothing to an alternate address that is ${what} (C-78)`, () => {
    const lab = qualified();
    lab.client.setBroadcasts([subnet]);
    assertDrop(lab.indirect(alternatesTrailer(end, ALTERNATES[0]!)), Drop.None);
    assert.deepEqual(lab.sentTo(end), []);
    assert.equal(lab.sentTo(ALTERNATES[0]!).length, 1);
  });
}

test("Client sends to the port that a peer behind a symmetric NAT has by UPnP (C-75, C-78)", () => {
  const opened: End = { ...PEER_AT, port: 51_234 };
  for (const make of [qualified, () => new ClientLab().qualifySymmetric(KEPT_AT)]) {
    const lab = make();
    lab.indirect(concat(nonceTrailer("deadbeef"), alternatesTrailer(opened, ALTERNATES[0]!)));
    assert.equal(nonceOf(lab.sentTo(opened)[0]), "deadbeef");
    assert.equal(lab.sentTo(ALTERNATES[0]!).length, 1);
    const { address } = PEER_AT;
    const toHost = lab.sent.filter(({ to }) => to.startsWith(`${formatIpv4(address)}:`));
    assert.equal(toHost.length, 2);
    assertDrop(lab.direct(opened), Drop.SourceMismatch);
  }
});

test("Client moves who is heard of for a nonce of just now, and for none of long ago (C-74)", () => {
  for (
    const [age, moves] of [[SECOND, true], [11 * SECOND, false], [3_600 * SECOND, false]] as const
  ) {
    const lab = qualified();
    lab.indirect();
    lab.live(400);
    const nonce = nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!;
    const end = lab.now + age;
    do lab.direct(PEER_AT); while (lab.live(Math.min(10 * SECOND, end - lab.now)).now < end);
    lab.direct(ELSEWHERE, nonceTrailer(nonce));
    lab.send(PEER);
    assert.deepEqual(lab.sent.map((it) => it.to), [endOf(moves ? ELSEWHERE : PEER_AT)]);
  }
});

// Ports: RFC 6081 §5.4, §5.5

test("Client behind a symmetric NAT that keeps ports listens on a random one for each peer, and tells it (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  assert.ok(lab.client.status().portPreserving);
  lab.send(PEER);
  assert.equal(describe(lab.sentTo(PEER_SERVER_AT)[0]!).randomPort, 50_001);
  assert.equal(describe(lab.sentTo(PEER_AT)[0]!).randomPort, 0, "not in the first direct bubble");
  assert.deepEqual([...lab.ports.values()], [50_001]);
  assert.ok(lab.sent.every(({ path }) => path === 0));
});

test("Client behind such a NAT sends first from there to the peer's random port (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  lab.indirect(concat(nonceTrailer("deadbeef"), portTrailer(1_201)));
  const random = lab.sent.filter(({ path }) => path === 1);
  assert.deepEqual(random.map((it) => it.to), [endOf({ ...PEER_AT, port: 1_201 })]);
  const { randomPort, nonce } = describe(random[0]!);
  assert.deepEqual([randomPort, nonce], [50_001, "deadbeef"]);
});

test("Client behind such a NAT sends from there to a peer's address that has none (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  lab.indirect(nonceTrailer("deadbeef"));
  assert.deepEqual(
    lab.sent.filter(({ path }) => path === 1).map((it) => it.to),
    [endOf(PEER_AT)],
  );
});

test("Client behind such a NAT lets who asks for it in by the random port that it tells him, at once (C-76)", () => {
  const cases: [string, Uint8Array, [End, number][]][] = [
    // Its NAT may know us by the service port alone: RFC 6081 §6.4, step 6C.
    ["without a random port", nonceTrailer("deadbeef"), [
      [PEER_AT, 0],
      [PEER_AT, 1],
      [PEER_SERVER_AT, 0],
    ]],
    ["with one", concat(nonceTrailer("deadbeef"), portTrailer(1_201)), [
      [PEER_AT, 0],
      [{ ...PEER_AT, port: 1_201 }, 1],
      [PEER_SERVER_AT, 0],
    ]],
    // It cannot read where the port is.
    ["without trailers", new Uint8Array(0), [[PEER_AT, 0], [PEER_SERVER_AT, 0]]],
  ];
  for (const [name, trailers, sent] of cases) {
    const lab = new ClientLab().qualifySymmetric(KEPT_AT);
    lab.indirect(trailers);
    const expected = sent.map(([to, path]) => [endOf(to), path]);
    assert.deepEqual(lab.sent.map(({ to, path }) => [to, path]), expected, name);
    assert.equal(describe(lab.sentTo(PEER_SERVER_AT)[0]!).randomPort, 50_001, name);
  }
});

test("Client sends by the random port to who was heard of there, and closes it for who is at the service port (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  lab.indirect(nonceTrailer("deadbeef"));
  assertDrop(lab.direct(PEER_AT, new Uint8Array(0), 1), Drop.None);
  lab.send(PEER);
  assert.deepEqual(lab.sent.map(({ to, path }) => [to, path]), [[endOf(PEER_AT), 1]]);
  assertDrop(lab.direct(PEER_AT), Drop.None);
  lab.send(PEER);
  assert.deepEqual(lab.sent.map(({ to, path }) => [to, path]), [[endOf(PEER_AT), 0]]);
  assert.equal(lab.ports.size, 0);
});

test("Client takes nothing for a peer by the random port of another (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  const stranger: End = { address: ip4("192.0.2.77"), port: 1 };
  assertDrop(
    lab.receive(concat(vector("B1").slice(0, 24), lab.address), stranger, 1),
    Drop.SourceMismatch,
  );
  assertDrop(lab.direct(PEER_AT, new Uint8Array(0), 2), Drop.SourceMismatch);
});

test("Client refreshes a random port every 30 s, 20 times without data, and as often again after some (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  lab.indirect(nonceTrailer("deadbeef"));
  lab.direct(PEER_AT, new Uint8Array(0), 1);
  const answer = () => {
    const sent: Sent[] = [];
    for (let i = 0; i < 25; i++) {
      sent.push(...liveKept(lab, 30 * SECOND).filter(({ path }) => path === 1));
      // The peer sends now and then; we do not.
      lab.direct(PEER_AT, new Uint8Array(0), 1);
    }
    return sent.length;
  };
  assert.equal(answer(), 20);
});

test("Client has at most 16 random ports, and does without one where there is none (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  for (let i = 0; i < 20; i++) {
    const peer = PEER.slice();
    peer[11] = i;
    assertDrop(lab.send(peer), Drop.None);
    assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
  }
  assert.equal(lab.ports.size, 16);
  lab.live(330 * SECOND);
  assert.equal(lab.ports.size, 0, "and gives them back");

  const none = new ClientLab().qualifySymmetric(KEPT_AT);
  none.nextPort = 0;
  none.send(PEER);
  assert.equal(describe(none.sentTo(PEER_SERVER_AT)[0]!).randomPort, 0);
});

test("Client behind another NAT sends to a peer's random port by its service port (C-77)", () => {
  const lab = qualified();
  lab.indirect(concat(nonceTrailer("deadbeef"), portTrailer(1_201)));
  assert.deepEqual(
    lab.sent.map(({ to, path }) => [to, path]),
    [
      [endOf(PEER_AT), 0],
      [endOf({ ...PEER_AT, port: 1_201 }), 0],
      [endOf(PEER_SERVER_AT), 0],
    ],
  );
});

test("Client behind a sequential NAT finds out the port between two, and tells it (C-77)", () => {
  const lab = new ClientLab().qualifySymmetric();
  lab.send(PEER);
  assert.deepEqual(lab.sent.map(({ to, path }) => [to, path]), [
    [endOf(PEER_AT), 0],
    [endOf(SERVER_AT), 1],
    [endOf(PEER_AT), 1],
    [endOf(SECONDARY_AT), 1],
  ]);
  const [, first, , second] = lab.sent;
  lab.advertise(first!, { ...MAPPED_AT, port: 1_200 });
  assert.deepEqual(lab.sent, []);
  lab.advertise(second!, { ...MAPPED_AT, port: 1_203 }, SERVER, SECONDARY_SERVER);
  const [bubble] = lab.sentTo(PEER_SERVER_AT);
  assert.equal(describe(bubble!).randomPort, 1_201, "the mean, rounded down");
  assert.equal(bubble!.path, 0);
});

test("Client asks for that twice, for 1 s and 2 s, then sends the bubble without (C-77)", () => {
  const lab = new ClientLab().qualifySymmetric();
  const start = lab.now;
  lab.send(PEER);
  lab.advance(3_200);
  const asked = lab.sent.filter(({ to, path }) => to === endOf(SERVER_AT) && path === 1);
  assert.deepEqual(asked.map(({ at }) => at - start), [1_000]);
  const [bubble] = lab.sentTo(PEER_SERVER_AT);
  assert.equal(bubble!.at - start, 3_000);
  assert.equal(describe(bubble!).randomPort, 0);
});

test("Client behind a symmetric NAT says unreachable within 9 s, whether its port is found out or not (C-45, C-77)", () => {
  for (const options of [{}, without("sequential")]) {
    const lab = new ClientLab({ ...options, holdAge: 10 * SECOND }).qualifySymmetric();
    const start = lab.now;
    lab.send(PEER);
    lab.advance(12 * SECOND);
    const [error] = lab.sentTo("icmpv6");
    assert.ok(error !== undefined && error.at - start <= 9 * SECOND, `${error?.at} ms`);
    assert.equal(lab.count("peers_failed"), 1);
    assert.deepEqual(lab.ports.size, 0);
  }
});

test("Client behind a sequential NAT shows who it is now when it finds out a port (C-02, C-77)", () => {
  const clientId = new Uint8Array([0x61]);
  const identity = { clientId, key: clientId, authenticate: () => new Uint8Array(16) };
  const lab = new ClientLab({ identity });
  lab.client.set(CLIENT_OPTIONS, lab.now, lab.sink);
  lab.qualifySymmetric();
  lab.send(PEER);
  const asked = lab.sent.filter(({ path, to }) => path === 1 && to !== endOf(PEER_AT));
  // The lengths of identifier and value. RFC 4380 §5.1.1
  assert.deepEqual(asked.map(({ bytes }) => [...bytes.subarray(2, 4)]), [[0, 0], [0, 0]]);
});

test("Client takes no forged advertisement for the port of another (C-77)", () => {
  const lab = new ClientLab().qualifySymmetric();
  lab.send(PEER);
  const [, first, , second] = lab.sent;
  lab.advertise(first!, { ...MAPPED_AT, port: 1_200 });
  // The answer to one is none to the other, nor by another port.
  assertDrop(
    lab.advertise(first!, { ...MAPPED_AT, port: 9 }, SERVER, SECONDARY_SERVER),
    Drop.NonceMismatch,
  );
  assertDrop(
    lab.advertise({ ...second!, path: 2 }, MAPPED_AT, SERVER, SECONDARY_SERVER),
    Drop.NotAccepted,
  );
  assert.deepEqual(lab.sentTo(PEER_SERVER_AT), []);
});

test("Client without these extensions opens no port (C-80)", () => {
  for (
    const [names, mapped] of [
      ["portPreserving", KEPT_AT],
      ["sequential", MAPPED_AT],
    ] as const
  ) {
    const lab = new ClientLab(without(names)).qualifySymmetric(mapped);
    lab.send(PEER);
    assert.equal(lab.ports.size, 0);
    assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
  }
});

// Server load reduction: RFC 6081 §5.7

/** A peer that has shown that it knows trailers, and was heard of now. */
function withModernPeer(lab = qualified()): ClientLab {
  lab.indirect(nonceTrailer("deadbeef"));
  lab.direct(PEER_AT);
  return lab;
}

test("Client solicits a bubble past the server from a peer that is silent for 20 s (C-79)", () => {
  const lab = withModernPeer();
  lab.live(19_900);
  lab.send(PEER);
  assert.equal(lab.sent.length, 1);
  lab.live(200);
  lab.send(PEER);
  const start = lab.now;
  assert.deepEqual(lab.sentTo(PEER_AT).map((it) => describe(it).discovery), [-1, 0]);
  lab.live(7_000);
  const solicited = lab.sentTo(PEER_AT).filter((it) => describe(it).discovery === 0);
  assert.deepEqual(solicited.map(({ at }) => at - start), [2_000, 4_000]);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1, "then by way of its server");
});

test("Client solicits no more once the peer is heard of (C-79)", () => {
  const lab = withModernPeer();
  lab.live(21 * SECOND);
  lab.send(PEER);
  lab.direct(PEER_AT, discoveryTrailer(1));
  lab.live(10 * SECOND);
  assert.deepEqual([lab.sentTo(PEER_AT), lab.sentTo(PEER_SERVER_AT)], [[], []]);
});

test("Client sends a peer that knows no trailers a bubble each way instead (C-79)", () => {
  for (const options of [{}, without("loadReduction")]) {
    const lab = new ClientLab(options).qualify();
    lab.direct(PEER_AT);
    if (options !== undefined && "extensions" in options) lab.indirect(nonceTrailer("deadbeef"));
    lab.live(21 * SECOND);
    lab.send(PEER);
    assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
    assert.ok(lab.sentTo(PEER_AT).every((it) => describe(it).discovery === -1));
  }
});

test("Client keeps the last of four bubbles for when a silent peer is no longer valid (C-46)", () => {
  const lab = new ClientLab(without("loadReduction")).qualify();
  lab.direct(PEER_AT);
  let bubbles = 0;
  for (let i = 0; i < 29; i++) {
    lab.live(SECOND);
    assertDrop(lab.send(PEER), Drop.None);
    bubbles += lab.sentTo(PEER_SERVER_AT).length;
  }
  assert.equal(bubbles, 3);
  lab.live(2 * SECOND);
  assertDrop(lab.send(PEER), Drop.None);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
});

/** Of the host that we run on, which no NAT hides. */
const OWN = ip4("198.51.100.7");

for (
  const [what, server] of [
    ["in a private network", ip4("10.9.9.9")],
    ["a group", ip4("224.0.0.253")],
    ["ourselves", OWN],
  ] as const
) {
  test(`Client asks no server that is ${what}, whoever asks for us (C-43)`, () => {
    const lab = new ClientLab({ servicePort: 3_544, ownAddresses: [OWN] }).qualify();
    const from = teredo(PEER_AT.address, PEER_AT.port, server);
    assertDrop(lab.indirect(nonceTrailer("deadbeef"), from), Drop.None);
    assert.deepEqual(lab.sent.map(({ to }) => to), [endOf(PEER_AT)]);
    lab.live(10 * SECOND);
    assert.deepEqual(lab.sentTo({ address: server, port: 3_544 }), []);
  });
}

test("Client answers a stranger's first bubble once, whatever it asks (C-79)", () => {
  const lab = qualified();
  assertDrop(lab.direct(PEER_AT, discoveryTrailer(0)), Drop.None);
  assert.deepEqual(lab.sent.map((it) => [it.to, describe(it).discovery]), [[endOf(PEER_AT), 1]]);
});

test("Client answers a solicitation of a peer that it trusts, and of no other (C-79)", () => {
  const lab = withModernPeer();
  assertDrop(lab.direct(PEER_AT, discoveryTrailer(0)), Drop.None);
  assert.deepEqual(lab.sent.map((it) => [it.to, describe(it).discovery]), [[endOf(PEER_AT), 1]]);
  assertDrop(lab.direct(PEER_AT, discoveryTrailer(1)), Drop.None);
  assert.deepEqual(lab.sent, []);
  assertDrop(lab.direct(ELSEWHERE, discoveryTrailer(0)), Drop.SourceMismatch);
  assert.deepEqual(lab.sent, []);
});

/** Time passes, and the server sees us where our NAT keeps the port. */
const liveKept = (lab: ClientLab, milliseconds: number) => lab.live(milliseconds, KEPT_AT).sent;

test("Client asks anew for who comes back with another random port (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  const nonce = nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!;
  lab.indirect(concat(nonceTrailer("deadbeef"), portTrailer(1_201)));
  const random: End = { ...PEER_AT, port: 1_201 };
  assertDrop(lab.direct(random, nonceTrailer(nonce), 1), Drop.None);
  assert.equal(lab.client.gauges.trusted, 1);
  liveKept(lab, 40 * SECOND);
  lab.indirect(concat(nonceTrailer("deadbee5"), portTrailer(1_333)));
  assert.equal(lab.client.gauges.trusted, 0, "nobody is at the port that it was trusted at");
  const now = lab.sent.filter(({ to }) => to === endOf({ ...PEER_AT, port: 1_333 }));
  assert.deepEqual(now.map(({ path }) => lab.ports.has(path)), [true], "from a port that is open");
  assert.ok(lab.sent.every(({ path }) => path === 0 || lab.ports.has(path)));
  const later = liveKept(lab, 10 * SECOND);
  assert.ok(later.every(({ path }) => path === 0 || lab.ports.has(path)));
});

test("Client gives the random port of a silent stranger to another (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  for (let i = 0; i < 12; i++) {
    lab.indirect(concat(nonceTrailer("deadbeef"), portTrailer(1_201)), ...stranger(i));
    assert.equal(describe(lab.sentTo(PEER_SERVER_AT)[0]!).randomPort, 50_001 + i);
    assert.ok(lab.ports.size <= 8);
    liveKept(lab, 5 * SECOND);
  }
});

test("Client gives who is wanted the port of who is silent, rather than of whom it has talked to (C-76)", () => {
  const lab = new ClientLab().qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  const nonce = nonceOf(lab.sentTo(PEER_SERVER_AT)[0])!;
  lab.indirect(concat(nonceTrailer("deadbeef"), portTrailer(1_201)));
  lab.direct({ ...PEER_AT, port: 1_201 }, nonceTrailer(nonce), 1);
  liveKept(lab, 31 * SECOND);
  for (let i = 0; i < 8; i++) {
    lab.indirect(portTrailer(1_201), ...stranger(i));
    liveKept(lab, 3 * SECOND);
  }
  for (let i = 8; i < 15; i++) lab.send(stranger(i)[0]);
  assert.equal(lab.ports.size, 16);
  lab.send(stranger(99)[0]);
  assert.notEqual(describe(lab.sentTo(PEER_SERVER_AT)[0]!).randomPort, 0);
  assert.equal(lab.client.gauges.trusted, 1);
  assert.ok(lab.ports.has(1), "its port is open");
});

// Reflection: RFC 4380 §7.3.2

test("Client sends one datagram to a host that is named as client and server, for one that it may not have sent", () => {
  const host = ip4("192.0.2.66");
  const at: End = { address: host, port: 3_544 };
  const both = teredo(host, at.port, host);
  const sentIn = (lab: ClientLab, milliseconds: number) => {
    const now = lab.sent.filter(({ to }) => to.startsWith("192.0.2.66:"));
    lab.live(milliseconds);
    return [...now, ...lab.sent.filter(({ to }) => to.startsWith("192.0.2.66:"))].length;
  };
  const bubbled = qualified();
  assertDrop(bubbled.indirect(nonceTrailer("deadbeef"), both, at), Drop.None);
  assert.equal(sentIn(bubbled, 400 * SECOND), 1, "an indirect bubble");
  const elsewhere = qualified();
  const more = concat(
    portTrailer(4_444),
    alternatesTrailer({ address: host, port: 5_555 }, ALTERNATES[0]!),
  );
  assertDrop(elsewhere.indirect(more, both, at), Drop.None);
  assert.equal(elsewhere.sentTo(ALTERNATES[0]!).length, 1, "which is another one");
  assert.equal(sentIn(elsewhere, 400 * SECOND), 1, "an indirect bubble that names ports of it");
  const dataed = qualified();
  dataed.receive(data(both, dataed.address), ELSEWHERE);
  assert.equal(sentIn(dataed, 400 * SECOND), 1, "data from elsewhere");
  // Whom somebody here wants to reach is asked by both ways.
  const wanted = qualified();
  wanted.send(both);
  assert.ok(sentIn(wanted, 1_000) >= 2);
});

/** How many datagrams go to hosts within `milliseconds`, by address. */
function tally(lab: ClientLab, milliseconds: number): Record<string, number> {
  const sent = [...lab.sent];
  lab.live(milliseconds);
  sent.push(...lab.sent);
  const counts: Record<string, number> = {};
  for (const { to } of sent) {
    const [address] = to.split(":");
    if (!OUR_SERVER.includes(address!)) counts[address!] = (counts[address!] ?? 0) + 1;
  }
  return counts;
}
const OUR_SERVER = [SERVER, SECONDARY_SERVER].map(formatIpv4);

const portsOf = (address: string, ...ports: readonly number[]): Uint8Array =>
  alternatesTrailer(...ports.map((port) => ({ address: ip4(address), port })));

/** A bubble by way of our server names one host as often as it can. */
const manifold = [
  {
    what: "in each alternate address",
    trailers: portsOf("203.0.113.66", 1, 2, 3, 4),
    want: { "192.0.2.10": 1, "198.51.100.118": 1, "203.0.113.66": 1 },
  },
  {
    what: "as the peer, as its random port, and in each alternate address",
    trailers: concat(portTrailer(1_201), portsOf("192.0.2.10", 1, 2, 3, 4)),
    want: { "192.0.2.10": 2, "198.51.100.118": 1 },
  },
  {
    what: "as the peer, and in each alternate address",
    trailers: portsOf("192.0.2.10", 1, 2, 3, 4),
    want: { "192.0.2.10": 2, "198.51.100.118": 1 },
  },
  {
    what: "as the peer's server, and in each alternate address",
    trailers: portsOf("198.51.100.118", 1, 2, 3, 4),
    want: { "192.0.2.10": 1, "198.51.100.118": 1 },
  },
];
for (const { what, trailers, want } of manifold) {
  test(`Client sends a host two datagrams at most that is named ${what} (C-78)`, () => {
    const lab = qualified();
    assertDrop(lab.indirect(trailers), Drop.None);
    assert.deepEqual(tally(lab, 400 * SECOND), want);
    for (const mapped of [KEPT_AT, MAPPED_AT]) {
      const symmetric = new ClientLab().qualifySymmetric(mapped);
      symmetric.indirect(trailers);
      const counts = tally(symmetric, 400 * SECOND);
      assert.ok(Object.values(counts).every((count) => count <= 2), JSON.stringify(counts));
    }
  });
}

test("Client sends no second direct bubble to who was just answered", () => {
  const lab = qualified();
  lab.indirect(nonceTrailer("deadbeef"));
  assert.equal(lab.sentTo(PEER_AT).length, 1);
  lab.live(1_500);
  assert.deepEqual([lab.sentTo(PEER_AT).length, lab.sentTo(PEER_SERVER_AT).length], [0, 1]);
});
