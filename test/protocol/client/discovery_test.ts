import assert from "node:assert/strict";
import test from "node:test";
import { DISCOVERY_PATH } from "#src/protocol/client/contract.ts";
import { DISCOVERY_GROUP } from "#src/protocol/client/peers/discovery.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { bubble, ip4, teredo } from "../packets.ts";
import { CLIENT, SERVER, toHex, vector } from "../vectors.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  describe,
  type End,
  endOf,
  MAPPED_AT,
  PEER,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const GROUP_AT: End = { address: DISCOVERY_GROUP, port: 3_544 };
/** A client on our own link, behind the same NAT. */
const NEAR_AT: End = { address: ip4("10.0.0.7"), port: 3_797 };
const NEAR = teredo(CLIENT, 41_000, SERVER);

const enabled = () => new ClientLab({ localDiscovery: true }).qualify();
const discovery = (from: Uint8Array) => bubble(from, "ff02::1");

test("Client sends a discovery bubble every 200 to 300 s (C-60, B4)", () => {
  const lab = enabled();
  lab.live(1_500 * SECOND);
  const sent = lab.sentTo(GROUP_AT);
  assert.ok(sent.length >= 5 && sent.length <= 8, `${sent.length}`);
  const gaps = sent.slice(1).map(({ at }, i) => at - sent[i]!.at);
  assert.ok(gaps.every((gap) => gap >= 200 * SECOND && gap <= 300 * SECOND), `${gaps}`);
  const want = vector("B4");
  want.set(lab.address, 8);
  assert.equal(toHex(sent[0]!.bytes), toHex(want));
  assert.equal(sent[0]!.path, 0, "from the service port");
});

test("Client neither sends nor takes any where that is not asked for (C-64)", () => {
  const lab = new ClientLab().qualify();
  assert.ok(lab.client.nextTimer() > lab.now, "nor is there anything to do");
  assertDrop(lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH), Drop.NotAccepted);
  lab.live(700 * SECOND);
  assert.deepEqual(lab.sentTo(GROUP_AT), []);
});

test("Client answers a discovery bubble by a bubble to where it came from (C-25, C-62, C-63)", () => {
  const lab = enabled();
  assertDrop(lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(NEAR_AT)]);
  assert.ok(describe(lab.sent[0]!).bubble);
  assert.equal(lab.client.gauges.trusted, 0, "which trusts nobody");
});

interface Refused {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly from?: End;
  readonly want: Drop;
}

const refused: readonly Refused[] = [
  {
    name: "from another subnet (C-61)",
    bytes: discovery(NEAR),
    from: { ...NEAR_AT, address: ip4("10.0.1.7") },
    want: Drop.NotLocal,
  },
  {
    name: "of who is behind another NAT (C-61)",
    bytes: discovery(PEER),
    want: Drop.NotLocal,
  },
  {
    name: "of who is no Teredo client (C-61)",
    bytes: discovery(new Uint8Array(vector("A9"))),
    want: Drop.SourceNotTeredo,
  },
  { name: "that is no bubble", bytes: data(NEAR, "ff02::1"), want: Drop.NotAccepted },
  { name: "to ff02::2", bytes: bubble(NEAR, "ff02::2"), want: Drop.DestinationNotOurs },
];

for (const { name, bytes, from = NEAR_AT, want } of refused) {
  test(`Client takes nothing from the group ${name}: ${DROP_NAMES[want]}`, () => {
    const lab = enabled();
    assertDrop(lab.receive(bytes, from, DISCOVERY_PATH), want);
    assert.deepEqual(lab.sent, []);
    assert.equal(lab.client.gauges.peers, 0);
  });
}

test("Client takes no discovery bubble that came to its own address (C-61)", () => {
  const lab = enabled();
  assertDrop(lab.receive(discovery(NEAR), NEAR_AT), Drop.DestinationNotOurs);
});

test("Client asks a local peer on the link, and in the group, and trusts it there (C-26, C-42)", () => {
  const lab = enabled().advance(0);
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  assertDrop(lab.send(NEAR, 9), Drop.None);
  assert.equal(lab.client.nextTimer() - lab.now, 2_000, "when it is asked again (C-46)");
  assert.deepEqual(lab.sent.map((it) => it.to).sort(), [endOf(NEAR_AT), endOf(GROUP_AT)].sort());
  assertDrop(lab.receive(bubble(NEAR, lab.address), NEAR_AT), Drop.None);
  assert.ok(lab.sentTo(NEAR_AT).some(({ bytes }) => bytes[40] === 9), "what was held");
  assertDrop(lab.send(NEAR), Drop.None);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(NEAR_AT)]);
});

test("Client asks a local peer by way of its server too when the link is silent (C-42)", () => {
  const lab = enabled();
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  lab.send(NEAR);
  lab.advance(6_100);
  assert.ok(lab.sentTo(SERVER_AT).some(({ bytes }) => bytes[6] === 59));
});

test("Client trusts who was local once, in the group or not, for no other mapping (C-26)", () => {
  const lab = enabled();
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  const elsewhere = { ...NEAR_AT, port: 1 };
  assertDrop(lab.receive(data(NEAR, lab.address), elsewhere), Drop.SourceMismatch);
  assertDrop(lab.receive(data(NEAR, lab.address), NEAR_AT), Drop.None);
});

test("Client does not move who is heard of at its mapping to its own link, at a neighbour's word (C-26)", () => {
  const lab = enabled();
  const at = { ...MAPPED_AT, port: 7_777 };
  const peer = teredo(at.address, at.port);
  assertDrop(lab.receive(bubble(peer, lab.address), at), Drop.None);
  assertDrop(lab.receive(discovery(peer), NEAR_AT, DISCOVERY_PATH), Drop.None);
  assertDrop(lab.receive(bubble(peer, lab.address), NEAR_AT), Drop.None);
  lab.send(peer);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(at)]);
  lab.live(31 * SECOND);
  assertDrop(lab.receive(bubble(peer, lab.address), NEAR_AT), Drop.None);
  lab.send(peer);
  assert.deepEqual(lab.sent.map((it) => it.to), [endOf(NEAR_AT)], "once it is silent there");
});

test("Client that has moved takes nobody for who was on its link before (C-26, C-61)", () => {
  const lab = enabled();
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  const asked = lab.live(31 * SECOND).sentTo(SERVER_AT);
  assert.ok(asked.length > 0);
  lab.client.set({ ...CLIENT_OPTIONS, localDiscovery: true }, lab.now, lab.sink);
  lab.advertise(lab.solicitationTo(SERVER), { ...MAPPED_AT, port: 41_000 });
  lab.send(NEAR);
  assert.deepEqual(lab.sentTo(NEAR_AT), []);
  assertDrop(lab.receive(data(NEAR, lab.address), NEAR_AT), Drop.SourceMismatch);
});

test("Client knows a local peer for 600 s (C-42, C-62)", () => {
  const lab = enabled();
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  lab.live(250 * SECOND);
  assertDrop(lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH), Drop.None);
  lab.live(250 * SECOND);
  lab.send(NEAR);
  assert.equal(lab.sentTo(NEAR_AT).length, 1);
});

test("Client asks a local peer that left all unanswered as often again after 300 s (C-42, C-46)", () => {
  const lab = enabled();
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  const ask = () => {
    lab.send(NEAR);
    const turns = new Set(lab.sent.map(({ at }) => at));
    for (const { to, at, bytes } of lab.live(10 * SECOND).sent) {
      if (to !== "icmpv6" && bytes.at(-1) !== 1 && bytes[6] === 59) turns.add(at);
    }
    return turns.size;
  };
  const first = ask();
  lab.live(300 * SECOND);
  assert.equal(lab.client.gauges.peers, 1, "it is known still");
  assert.equal(ask(), first);
  assert.ok(first >= 4);
});

test("Client takes nobody for a local peer that it has not heard of for 600 s (C-26, C-62)", () => {
  for (const [seconds, want] of [[590, Drop.None], [610, Drop.SourceMismatch]] as const) {
    const lab = enabled();
    lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
    for (let i = 0; i < seconds; i += 10) {
      lab.live(10 * SECOND);
      lab.send(NEAR); // so that it is not forgotten
    }
    assertDrop(lab.receive(data(NEAR, lab.address), NEAR_AT), want);
  }
});

test("Client knows a local peer for 600 s also when it has talked to it since (C-42)", () => {
  const lab = enabled();
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  lab.send(NEAR);
  lab.receive(bubble(NEAR, lab.address), NEAR_AT);
  lab.live(250 * SECOND);
  lab.receive(discovery(NEAR), NEAR_AT, DISCOVERY_PATH);
  lab.live(550 * SECOND);
  lab.send(NEAR);
  assert.equal(lab.sentTo(NEAR_AT).length, 1, "on the link");
  lab.live(1_300 * SECOND);
  assert.equal(lab.client.gauges.peers, 0, "it is forgotten in the end");
});
