import assert from "node:assert/strict";
import test from "node:test";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { equalIpv6, formatIpv6 } from "#src/protocol/wire/ipv6.ts";
import { change, icmpv6, ip4, teredo } from "../packets.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  describe,
  echoReply,
  endOf,
  HOST,
  MAPPED_AT,
  PEER,
  PEER_AT,
  PEER_SERVER,
  RELAY_AT,
  type Sent,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const PEER_SERVER_AT = { address: PEER_SERVER, port: 3_544 };

/** A native host that has answered through the relay. */
function withHost(lab = new ClientLab().qualify()): ClientLab {
  lab.send(HOST);
  assertDrop(lab.receive(echoReply(lab.sentTo(SERVER_AT)[0]!.bytes), RELAY_AT), Drop.None);
  return lab;
}

/** Another client that has been heard of. */
function withPeer(lab = new ClientLab().qualify()): ClientLab {
  assertDrop(lab.direct(PEER_AT), Drop.None);
  return lab;
}

const isBubble = (sent: Sent) => sent.bytes[6] === 59;

// Native hosts

test("Client.fromIpv6() holds a packet to a native host, and pings that by way of our server (C-41)", () => {
  const lab = new ClientLab().qualify();
  assertDrop(lab.send(HOST), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(SERVER_AT)]);
  const { bytes } = lab.sent[0]!;
  assert.equal(bytes.length, 56);
  assert.equal(bytes[40], 128);
  assert.ok(equalIpv6(bytes, 8, lab.address, 0), "from our own address");
  assert.equal(formatIpv6(bytes, 24), HOST);
  lab.send(HOST, 0x22);
  assert.deepEqual(lab.sent, [], "one test at a time");
});

test("Client.fromUdp() sends what was held to where the answer came from, in order (C-23, C-40, C-41)", () => {
  const lab = new ClientLab().qualify();
  lab.send(HOST, 1);
  const [request] = lab.sent;
  lab.send(HOST, 2);
  lab.send(HOST, 3);
  assertDrop(lab.receive(echoReply(request!.bytes), RELAY_AT), Drop.None);
  assert.deepEqual(lab.sent.map(({ to, bytes }) => [to, bytes[40]]), [
    [endOf(RELAY_AT), 1],
    [endOf(RELAY_AT), 2],
    [endOf(RELAY_AT), 3],
  ]);
  assertDrop(lab.send(HOST, 4), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(RELAY_AT)]);
});

test("Client.tick() repeats the test three times, 2 s apart, then says unreachable (C-41)", () => {
  const lab = new ClientLab().qualify();
  const start = lab.now;
  lab.send(HOST);
  lab.advance(8_200);
  const asked = lab.sentTo(SERVER_AT).filter(({ bytes }) => bytes[0] === 0x60);
  assert.deepEqual(asked.map(({ at }) => Math.round((at - start) / 100)), [20, 40, 60]);
  const [error] = lab.sentTo("icmpv6");
  assert.ok(error !== undefined && error.at - start <= 9 * SECOND);
  assert.deepEqual([...error.bytes.subarray(40, 42)], [1, 3]);
  assertDrop(lab.send(HOST), Drop.PeerUnreachable);
  assert.equal(lab.sentTo("icmpv6").length, 1, "at once, for 10 s");
  lab.advance(11 * SECOND);
  assertDrop(lab.send(HOST), Drop.None);
  assert.equal(lab.sentTo(SERVER_AT).length, 1, "then it is tested again");
});

test("Client.fromUdp() says unreachable at once when a router on the way does (C-41)", () => {
  const lab = new ClientLab().qualify();
  lab.send(HOST);
  const body = new Uint8Array(4 + 56);
  body.set(lab.sent[0]!.bytes, 4);
  const error = icmpv6(1, "2001:db8:7::1", lab.address, body);
  assertDrop(lab.receive(error, RELAY_AT), Drop.None);
  assert.equal(lab.sentTo("icmpv6").length, 1);
  const forged = new ClientLab().qualify();
  forged.send(HOST);
  body.set(forged.sent[0]!.bytes, 4);
  body[body.length - 1]! ^= 1;
  forged.receive(icmpv6(1, "2001:db8:7::1", forged.address, body), RELAY_AT);
  assert.equal(forged.sentTo("icmpv6").length, 0, "only who has seen the test can quote it");
});

test("Client.fromIpv6() tests a host again that has been silent for 30 s (C-40, C-41)", () => {
  const lab = withHost();
  lab.advance(29_900);
  lab.send(HOST);
  assert.equal(lab.sentTo(RELAY_AT).length, 1);
  lab.advance(200);
  lab.send(HOST);
  assert.deepEqual(lab.sentTo(RELAY_AT), []);
});

test("Client.fromIpv6() keeps a flow in one direction alive by tests from 20 s on (C-40)", () => {
  const lab = withHost();
  for (let i = 0; i < 90; i++) {
    lab.live(SECOND);
    const tests = () => lab.sentTo(SERVER_AT).filter(({ bytes }) => bytes[0] === 0x60);
    assert.deepEqual(tests(), [], "only when something is sent");
    assertDrop(lab.send(HOST), Drop.None);
    assert.equal(lab.sentTo(RELAY_AT).length, 1, `after ${i} s`);
    const again = tests().at(-1);
    if (again !== undefined) lab.receive(echoReply(again.bytes), RELAY_AT);
  }
});

// Clients

test("Client.fromIpv6() holds a packet to a client, and sends a bubble each way (C-44, C-45, C-46)", () => {
  const lab = new ClientLab().qualify();
  assertDrop(lab.send(PEER), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(PEER_AT), endOf(PEER_SERVER_AT)]);
  for (const sent of lab.sent) {
    const { bubble, source, destination } = describe(sent);
    assert.deepEqual([bubble, source, destination], [
      true,
      formatIpv6(lab.address),
      formatIpv6(PEER),
    ]);
  }
});

test("Client.fromIpv6() does not look at the cone bit (C-44)", () => {
  const lab = new ClientLab().qualify();
  const cone = change(PEER, 8, 0x80);
  assertDrop(lab.send(cone), Drop.None);
  assert.ok(lab.sent.length === 2 && lab.sent.every(isBubble));
});

test("Client.fromUdp() sends what was held when the client is heard of (C-24, C-45)", () => {
  const lab = new ClientLab().qualify();
  lab.send(PEER, 1);
  lab.send(PEER, 2);
  assertDrop(lab.direct(PEER_AT), Drop.None);
  assert.deepEqual(
    lab.sentTo(PEER_AT).filter((it) => !isBubble(it)).map(({ bytes }) => bytes[40]),
    [1, 2],
  );
  assertDrop(lab.send(PEER, 3), Drop.None);
  assert.equal(lab.sentTo(PEER_AT).length, 1);
  assert.equal(lab.count("bubbles_answered"), 1);
});

test("Client.tick() sends 4 bubbles, 2 s apart, then says unreachable, and sends none for 300 s (C-45, C-46)", () => {
  const lab = new ClientLab().qualify();
  const start = lab.now;
  lab.send(PEER);
  const sent = [...lab.sentTo(PEER_SERVER_AT)];
  lab.advance(9 * SECOND);
  sent.push(...lab.sentTo(PEER_SERVER_AT));
  assert.deepEqual(sent.map(({ at }) => Math.round((at - start) / 100)), [0, 20, 40, 60]);
  const [error] = lab.sentTo("icmpv6");
  assert.ok(error !== undefined && error.at - start <= 9 * SECOND);
  assert.deepEqual([...error.bytes.subarray(40, 42)], [1, 3]);
  for (let i = 0; i < 28; i++) {
    lab.live(10 * SECOND);
    assertDrop(lab.send(PEER), Drop.PeerUnreachable);
    assert.deepEqual(lab.sentTo(PEER_SERVER_AT), []);
  }
  lab.live(30 * SECOND);
  assertDrop(lab.send(PEER), Drop.None);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
});

test("Client.fromIpv6() sends a bubble to a client that it has heard of once, and not yet sent one (C-46, C-47)", () => {
  const lab = withPeer();
  lab.advance(31 * SECOND);
  assertDrop(lab.send(PEER), Drop.None);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
});

test("Client.fromIpv6() holds no bubble back for what passed before it (C-46, C-47)", () => {
  const lab = new ClientLab().qualify();
  lab.send(PEER);
  lab.advance(1_900);
  assert.deepEqual(lab.sentTo(PEER_SERVER_AT), []);
  lab.send(PEER);
  assert.deepEqual(lab.sentTo(PEER_SERVER_AT), [], "not within 2 s");
  lab.advance(200);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
});

test("Client waits with bubbles until it is known whether the NAT is symmetric, 4 s at most (C-45)", () => {
  const lab = new ClientLab().start();
  lab.advertise(lab.solicitationTo(SERVER_AT.address));
  assertDrop(lab.send(PEER), Drop.None);
  assert.deepEqual(lab.sent, []);
  lab.advance(4_500);
  assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
});

// What is not sent

interface Refused {
  readonly name: string;
  readonly bytes: (address: Uint8Array) => Uint8Array;
  readonly want: Drop;
  readonly error?: number;
}

const far = (mapped: string, server = PEER_SERVER) => teredo(ip4(mapped), 8_192, server);
const refused: readonly Refused[] = [
  ...["10.0.0.9", "127.0.0.1", "169.254.1.1", "192.168.1.1", "224.0.0.1", "255.255.255.255"].map(
    (mapped) => ({
      name: `to a client at ${mapped} (C-43, N5)`,
      bytes: (a: Uint8Array) => data(a, far(mapped)),
      want: Drop.MappedAddressNotGlobal,
    }),
  ),
  {
    name: "to a client of a server at 10.0.0.1 (C-43)",
    bytes: (a) => data(a, far("192.0.2.10", ip4("10.0.0.1"))),
    want: Drop.ServerAddressNotGlobal,
  },
  {
    name: "to a client at port 0 (C-43)",
    bytes: (a) => data(a, teredo(PEER_AT.address, 0, PEER_SERVER)),
    want: Drop.MappedAddressNotGlobal,
  },
  {
    name: "from another address than ours (C-48)",
    bytes: () => data("2001:db8:5::1", HOST),
    want: Drop.SourceNotOurs,
    error: 1,
  },
  { name: "to ourselves", bytes: (a) => data(a, a), want: Drop.OwnAddress },
  { name: "to ff02::1", bytes: (a) => data(a, "ff02::1"), want: Drop.DestinationScope },
  { name: "to fe80::1", bytes: (a) => data(a, "fe80::1"), want: Drop.DestinationScope },
  { name: "from fe80::1", bytes: () => data("fe80::1", HOST), want: Drop.SourceScope },
  {
    name: "of 39 bytes (C-20)",
    bytes: (a) => data(a, HOST).slice(0, 39),
    want: Drop.Truncated,
  },
  { name: "of IPv4", bytes: (a) => change(data(a, HOST), 0, 0x45), want: Drop.NotIpv6 },
  {
    name: "of another length than it says",
    bytes: (a) => data(a, HOST).slice(0, 80),
    want: Drop.BadLength,
  },
];

for (const { name, bytes, want, error } of refused) {
  test(`Client.fromIpv6() sends nothing of a packet ${name}: ${DROP_NAMES[want]}`, () => {
    const lab = new ClientLab().qualify();
    assertDrop(lab.transmit(bytes(lab.address)), want);
    const errors = lab.sentTo("icmpv6");
    assert.equal(lab.sent.length, errors.length);
    assert.deepEqual(errors.map((it) => it.bytes[41]), error === undefined ? [] : [error]);
    assert.equal(lab.drops(want), 1);
    assert.equal(lab.client.gauges.peers, 0);
  });
}

test("Client.fromIpv6() leaves to the kernel what the kernel says to the link", () => {
  const lab = new ClientLab().qualify();
  assertDrop(lab.transmit(icmpv6(133, "fe80::1", "ff02::2")), Drop.None);
  assert.deepEqual(lab.sent, []);
  assert.equal(lab.count("link_messages"), 1);
});

test("Client.isOpen() says what fromIpv6() sends at once, and changes nothing (C-40)", () => {
  const lab = withHost();
  withPeer(lab);
  const isOpen = (to: Parameters<typeof data>[1], from: Uint8Array = lab.address) => {
    const b = data(from, to);
    return lab.client.isOpen(b, 0, b.length, lab.now);
  };
  assert.ok(isOpen(HOST));
  assert.ok(isOpen(PEER));
  assert.ok(!isOpen("2001:db8::2"));
  assert.ok(!isOpen(HOST, PEER));
  lab.advance(31 * SECOND);
  assert.ok(!isOpen(HOST));
  assert.equal(lab.client.gauges.peers, 2);
});

test("Client.fromIpv6() holds no more for a peer than it is told to, and forgets what is too old", () => {
  const lab = new ClientLab({ holdPackets: 2, holdAge: 3_000 }).qualify();
  lab.send(PEER);
  lab.send(PEER);
  assertDrop(lab.send(PEER), Drop.HoldFull);
  assert.equal(lab.client.gauges.heldPackets, 2);
  lab.advance(3_100);
  assert.equal(lab.client.gauges.heldPackets, 0);
  assert.equal(lab.drops(Drop.HoldExpired), 2);
});

test("Client forgets a peer by which nothing has passed for 300 s", () => {
  const lab = withPeer();
  lab.advance(299 * SECOND);
  assert.equal(lab.client.gauges.peers, 1);
  lab.advance(2 * SECOND);
  assert.equal(lab.client.gauges.peers, 0);
});

test("Client forgets a peer that it cannot ask, as no server answers (C-46)", () => {
  const other = { primary: ip4("83.170.6.76"), secondary: ip4("83.170.6.77") };
  const lab = new ClientLab({ servers: [other, ...CLIENT_OPTIONS.servers] }).start();
  lab.advertise(lab.solicitationTo(other.primary), MAPPED_AT, other.primary);
  assertDrop(lab.indirect(), Drop.None);
  // The server that answered is none any more, and the one that is left never does.
  lab.client.set(CLIENT_OPTIONS, lab.now, lab.sink);
  assert.equal(lab.client.gauges.peers, 1);
  lab.advance(1_000 * SECOND);
  const { peers, resolving } = lab.client.gauges;
  assert.deepEqual({ peers, resolving }, { peers: 0, resolving: 0 });
});
