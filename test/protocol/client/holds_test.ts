import assert from "node:assert/strict";
import test from "node:test";
import type { ClientOptions } from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import { equalIpv6 } from "#src/protocol/wire/ipv6.ts";
import { packet, teredo } from "../packets.ts";
import { SERVER } from "../vectors.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  echoReply,
  endOf,
  HOST,
  MAPPED_AT,
  PEER,
  PEER_AT,
  PEER_SERVER,
  RELAY_AT,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const PEER_SERVER_AT = { address: PEER_SERVER, port: 3_544 };

/** Other limits than those that it began with. */
function set(lab: ClientLab, options: Partial<ClientOptions>): ClientLab {
  lab.client.set({ ...CLIENT_OPTIONS, ...options }, lab.now, lab.sink);
  return lab;
}

/** Bytes of a packet to the peer. */
function sendOf(lab: ClientLab, length: number): Drop {
  return lab.transmit(packet(17, lab.address, PEER, new Uint8Array(length - 40).fill(0x55)));
}

// What an operator can set

test("Client.set() limits the packets that are held for a peer from then on", () => {
  const lab = new ClientLab({ holdPackets: 1 }).qualify();
  assertDrop(lab.send(PEER), Drop.None);
  assertDrop(lab.send(PEER), Drop.HoldFull);
  set(lab, { holdPackets: 3 });
  assertDrop(lab.send(PEER), Drop.None);
  set(lab, { holdPackets: 3, holdBytes: 200 });
  assertDrop(lab.send(PEER), Drop.HoldFull);
});

test("Client.set() limits the age of what is held from then on", () => {
  const lab = new ClientLab().qualify();
  lab.send(HOST);
  set(lab, { holdAge: 3_000 });
  lab.advance(3_100);
  assert.equal(lab.drops(Drop.HoldExpired), 1);
});

test("Client.set() limits the memory of what is held, and a quarter of it for who has yet to prove itself", () => {
  const lab = new ClientLab({ holdMemory: 1280 }).qualify();
  set(lab, { holdMemory: 8 * 1280 });
  const arrive = () => {
    for (let i = 1; i <= 3; i++) lab.receive(data(`2001:db8::${i}`, lab.address), RELAY_AT);
    return lab.client.gauges.heldPackets;
  };
  assert.equal(arrive(), 2);
  lab.advance(4_100);
  assert.equal(lab.client.gauges.heldPackets, 0, "held for 4 s at most");
  for (let i = 1; i <= 10; i++) lab.send(teredo(PEER_AT.address, i, PEER_SERVER));
  assert.equal(lab.client.gauges.heldPackets, 8);
});

// Large packets

/** Of a server with another MTU than the least. */
function withMtu(mtu: number, options: Partial<ClientOptions> = {}): ClientLab {
  const lab = new ClientLab(options).start();
  lab.advertise(lab.solicitationTo(SERVER), MAPPED_AT, SERVER, SERVER, mtu);
  return lab.live(5 * SECOND);
}

const mtus = [
  { told: 1280, holdBytes: 10_240, mtu: 1280 },
  { told: 1400, holdBytes: 10_240, mtu: 1400 },
  { told: 9_000, holdBytes: 10_240, mtu: 9_000 },
  { told: 9_000, holdBytes: 4_096, mtu: 4_096 },
  { told: 65_535, holdBytes: 100_000, mtu: 65_507 },
  { told: 65_535, holdBytes: 100_000, holdMemory: 32_000, mtu: 32_000 },
];
for (const { told, mtu, ...options } of mtus) {
  test(
    `Client of a server with MTU ${told} has ${mtu}, with which any packet can wait for ` +
      `its peer (${JSON.stringify(options)}, RFC 4380 §5.2.1)`,
    () => {
      const lab = withMtu(told, { holdMemory: 2 ** 20, ...options });
      assert.equal(lab.client.status().mtu, mtu);
      assertDrop(sendOf(lab, mtu), Drop.None);
      assert.equal(lab.sentTo(PEER_SERVER_AT).length, 1);
      lab.direct(PEER_AT);
      const [carried] = lab.sentTo(PEER_AT).filter(({ bytes }) => bytes[6] === 17);
      assert.equal(carried?.bytes.length, mtu);
      assert.ok(carried.bytes.subarray(40).every((byte) => byte === 0x55));
    },
  );
}

test("Client keeps what is held when the first large packet comes", () => {
  const lab = withMtu(1400);
  lab.send(PEER, 1);
  assertDrop(sendOf(lab, 1400), Drop.None);
  lab.send(PEER, 2);
  lab.direct(PEER_AT);
  const carried = lab.sentTo(PEER_AT).filter(({ bytes }) => bytes[6] === 17);
  assert.deepEqual(carried.map(({ bytes }) => bytes[40]), [1, 0x55, 2]);
});

test("Client holds as many packets of 1280 bytes as before, though its server told of a larger MTU", () => {
  const lab = withMtu(1400, { holdMemory: 7 * 1280 });
  for (let i = 0; i < 7; i++) assertDrop(sendOf(lab, 1280), Drop.None);
  assert.equal(lab.client.gauges.heldPackets, 7);
});

test("Client holds a large packet of a native host that has yet to prove itself", () => {
  const lab = withMtu(1400);
  const large = packet(17, HOST, lab.address, new Uint8Array(1400 - 40));
  assertDrop(lab.receive(large, RELAY_AT), Drop.None);
  assertDrop(lab.receive(echoReply(lab.sentTo(SERVER_AT)[0]!.bytes), RELAY_AT), Drop.None);
  assert.deepEqual(lab.sentTo("ipv6").map(({ bytes }) => bytes.length), [1400]);
});

test("Client asks a peer also for a packet that cannot be held, and says so when it is silent (C-45)", () => {
  const lab = new ClientLab().qualify();
  const asked: number[] = [];
  const start = lab.now;
  for (let i = 0; i < 8; i++) {
    assertDrop(sendOf(lab, 2_000), Drop.HoldFull);
    asked.push(...lab.sentTo(PEER_SERVER_AT).map(({ at }) => at - start));
    lab.live(SECOND);
    asked.push(...lab.sentTo(PEER_SERVER_AT).map(({ at }) => at - start));
  }
  assert.deepEqual(asked, [0, 2_000, 4_000, 6_000]);
  assertDrop(sendOf(lab, 2_000), Drop.PeerUnreachable);
  assert.equal(lab.sentTo("icmpv6").length, 1);
  const heard = new ClientLab().qualify();
  sendOf(heard, 2_000);
  heard.direct(PEER_AT);
  assertDrop(sendOf(heard, 2_000), Drop.None);
});

// Packets that are not delivered

for (const to of [HOST, PEER]) {
  test(`Client tells the sender of the last packet held too long (to ${typeof to === "string" ? "a native host" : "a client"})`, () => {
    const lab = new ClientLab({ holdAge: 3_000 }).qualify();
    lab.send(to);
    lab.advance(SECOND);
    lab.send(to);
    lab.advance(2_100);
    assert.equal(lab.sentTo("icmpv6").length, 0, "one is still held");
    lab.advance(SECOND);
    const [error, ...more] = lab.sentTo("icmpv6");
    assert.deepEqual([...error!.bytes.subarray(40, 42)], [1, 3]);
    assert.deepEqual(more, []);
    assert.deepEqual([lab.drops(Drop.HoldExpired), lab.count("peers_failed")], [2, 1]);
  });
}

test("Client that does not know its NAT yet tells the sender in time too (C-45)", () => {
  const holdAge = 10 * SECOND;
  const lab = new ClientLab({ holdAge }).start();
  lab.advertise(lab.solicitationTo(SERVER));
  const start = lab.now;
  lab.send(PEER);
  lab.advance(20 * SECOND);
  assert.deepEqual(lab.sentTo("icmpv6").map(({ at }) => at - start), [holdAge]);
});

test("Client tells nobody of what is held too long for a peer that is there", () => {
  const lab = new ClientLab({ holdAge: 500 }).qualifySymmetric();
  lab.send(PEER);
  lab.advance(100);
  // It has not told its nonce: what is held waits for that.
  lab.direct(PEER_AT);
  lab.advance(450);
  assert.equal(lab.drops(Drop.HoldExpired), 1);
  assert.equal(lab.sentTo("icmpv6").length, 0);
});

test("Client tells the senders of what is held when the mapping changes, as no peer takes it any more (C-51)", () => {
  const lab = new ClientLab().qualify();
  lab.live(30 * SECOND - 100);
  const before = lab.address;
  while (!lab.sent.some(({ to, bytes }) => to === endOf(SERVER_AT) && bytes[1] === 1)) {
    lab.advance(100);
  }
  const asked = lab.solicitationTo(SERVER);
  lab.send(HOST);
  lab.receive(data("2001:db8::2", before), RELAY_AT);
  assert.equal(lab.client.gauges.heldPackets, 2);
  lab.advertise(asked, { ...MAPPED_AT, port: 41_000 });
  const [error, ...more] = lab.sentTo("icmpv6");
  assert.deepEqual([...error!.bytes.subarray(40, 42)], [1, 3]);
  assert.ok(equalIpv6(error!.bytes, 24, before, 0), "to the address that it was sent from");
  assert.deepEqual(more, []);
  assert.equal(lab.client.gauges.heldPackets, 0);
  assert.equal(lab.drops(Drop.SourceNotOurs), 2);
  lab.send(HOST);
  lab.advance(2_100);
  const test = lab.sentTo(SERVER_AT).findLast(({ bytes }) => bytes[0] === 0x60);
  assert.ok(equalIpv6(test!.bytes, 8, lab.address, 0), "it is tested anew, from the new address");
  lab.receive(echoReply(test!.bytes), RELAY_AT);
  assert.equal(lab.sentTo(RELAY_AT).length, 1);
});
