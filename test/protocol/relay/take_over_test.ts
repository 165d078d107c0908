import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { ROW_LENGTH } from "#src/protocol/peers/legacy.ts";
import { PEER_LIFETIME, PEER_VALIDITY } from "#src/protocol/peers/table.ts";
import { bubble, teredo } from "../packets.ts";
import { CLIENT, CLIENT_PORT, RELAY, SERVER, vector } from "../vectors.ts";
import { data, HOST, NO_GAUGES, RelayLab, tokenOf, udp } from "./lab.ts";

const A2 = vector("A2");
const PACKET = data(HOST, A2);
const MOVED_PORT = 50_000;
const ALL = () => true;

/** A lab whose relay trusts the client of the vectors, by its token, at this port. */
function trusted(port = CLIENT_PORT, options = {}): RelayLab {
  const lab = new RelayLab(options);
  lab.fromIpv6(PACKET);
  lab.fromClient(bubble(A2, tokenOf(lab.sent)), { port });
  return lab;
}

/** One that took over, `gap` after the other wrote its rows, on a clock of its own. */
function successor(lab: RelayLab, gap = 0, options = {}): RelayLab {
  const next = new RelayLab(options);
  next.now = 20; // a clock that has just begun
  next.relay.takeOver(lab.relay.legacy(lab.now), next.now - gap, next.now, ALL);
  return next;
}

for (const port of [CLIENT_PORT, MOVED_PORT]) {
  test(`Relay.takeOver(): a peer trusted at port ${port} is served from the first packet`, () => {
    const next = successor(trusted(port));
    assert.deepEqual(next.relay.gauges, { ...NO_GAUGES, peers: 1, trusted: 1 });
    assert.equal(next.fromIpv6(PACKET), Drop.None);
    assert.deepEqual(next.sent, [udp(PACKET, CLIENT, port, RELAY)]);
    const answer = data(A2, HOST);
    assert.equal(next.fromClient(answer, { port }), Drop.None);
    assert.deepEqual(next.sent.map(({ to }) => to), ["ipv6"]);
    assert.equal(next.count("peers_taken_over"), 1);
    assert.equal(next.allDrops, 0);
  });
}

for (
  const [gap, is] of [
    [PEER_VALIDITY - 1, "sent"],
    [PEER_VALIDITY, "held"],
    [PEER_LIFETIME - 1, "held"],
  ] as const
) {
  test(`Relay.takeOver(): ${gap} ms after a peer was heard of, a packet for it is ${is} (R-24)`, () => {
    const next = successor(trusted(), gap);
    assert.equal(next.fromIpv6(PACKET), Drop.None);
    assert.equal(next.relay.gauges.heldPackets, is === "held" ? 1 : 0);
    const whole = udp(PACKET, CLIENT, CLIENT_PORT, RELAY).hex;
    assert.equal(next.sent.some(({ hex }) => hex === whole), is === "sent");
  });
}

test("Relay.takeOver(): no time between is trusted twice, however often one takes over", () => {
  let lab = trusted();
  for (let i = 0; i < 3; i++) lab = successor(lab, PEER_VALIDITY / 3);
  lab.fromIpv6(PACKET);
  assert.equal(lab.relay.gauges.heldPackets, 1);
});

test("Relay.takeOver() takes no peer that would be forgotten, and forgets the others in time", () => {
  assert.equal(successor(trusted(), PEER_LIFETIME).relay.gauges.peers, 0);
  const next = successor(trusted(), PEER_LIFETIME - 1_000);
  assert.equal(next.relay.gauges.peers, 1);
  next.advance(1_100);
  assert.equal(next.relay.gauges.peers, 0);
  assert.equal(next.count("peers_expired"), 1);
});

test("Relay.takeOver(): bubbles that were not answered count on (RFC 4380 §5.2.6)", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  lab.advance(20_000); // four went out
  assert.equal(lab.count("bubbles_sent_indirect"), 4);
  const next = successor(lab, 1_000);
  assert.equal(next.relay.gauges.peers, 1);
  assert.equal(next.fromIpv6(PACKET), Drop.PeerUnreachable);
  assert.equal(next.count("bubbles_sent_indirect"), 0);
  next.advance(290_000);
  assert.equal(next.fromIpv6(PACKET), Drop.None, "asked again when 300 s are over");
});

test("Relay.takeOver(): a peer that was being asked is asked when its next packet comes, 2 s apart", () => {
  const lab = new RelayLab();
  lab.fromIpv6(PACKET);
  const next = successor(lab, 500);
  next.fromIpv6(PACKET);
  assert.equal(next.count("bubbles_sent_indirect"), 0);
  next.advance(1_499);
  assert.equal(next.count("bubbles_sent_indirect"), 0);
  next.advance(101);
  assert.equal(next.count("bubbles_sent_indirect"), 1);
});

test("Relay.takeOver(): who was trusted without a token is so again, and no more", () => {
  const lab = new RelayLab({ addressBubbleRate: 1 });
  lab.fromIpv6(PACKET);
  lab.fromClient(data(A2, HOST)); // from where its address says, without a token
  assert.equal(lab.relay.gauges.trusted, 1);
  const next = successor(lab, 0, { addressBubbleRate: 1 });
  assert.equal(next.relay.gauges.trusted, 1);
  assert.equal(next.relay.isOpen(PACKET, 0, PACKET.length, next.now), false);
});

const REFUSED: readonly [name: string, options: object][] = [
  ["of another prefix", { prefix: 0x20010db8 }],
  ["at a reserved address, which are refused now", { refuseReserved: true }],
  ["at an address that is this host's now", { ownAddresses: [CLIENT], servicePort: CLIENT_PORT }],
];
for (const [name, options] of REFUSED) {
  test(`Relay.takeOver() takes no peer ${name}`, () => {
    assert.equal(successor(trusted(), 0, options).relay.gauges.peers, 0);
  });
}

test("Relay.takeOver() takes its own peers alone, and each once", () => {
  const rows = trusted().relay.legacy(1_000_000);
  const next = new RelayLab();
  next.relay.takeOver(rows, next.now, next.now, () => false);
  assert.equal(next.relay.gauges.peers, 0);
  for (let i = 0; i < 2; i++) next.relay.takeOver(rows, next.now, next.now, ALL);
  assert.equal(next.relay.gauges.peers, 1);
});

test("Relay.takeOver() in a smaller table leaves out who would give way first", () => {
  const lab = new RelayLab();
  const clients = [1, 2, 3, 4, 5].map((i) => ({
    address: CLIENT + i,
    ipv6: teredo(SERVER, CLIENT_PORT, CLIENT + i),
  }));
  for (const { address, ipv6 } of clients) {
    lab.now += 2_000;
    lab.fromIpv6(data(HOST, ipv6));
    if (address !== CLIENT + 4) lab.fromClient(bubble(ipv6, tokenOf(lab.sent)), { address });
  }
  const next = successor(lab, 0, { maxPeers: 3 });
  assert.deepEqual(next.relay.gauges, { ...NO_GAUGES, peers: 3, trusted: 3 });
  const open = clients.map(({ ipv6 }) => {
    const packet = data(HOST, ipv6);
    return next.relay.isOpen(packet, 0, packet.length, next.now);
  });
  assert.deepEqual(open, [false, true, true, false, true], "the untrusted one, then the oldest");
});

test("Relay.takeOver(): rows cut short, or of any bytes, make no peer that the rules would not", () => {
  const rows = trusted().relay.legacy(1_000_000);
  assert.equal(rows.length, ROW_LENGTH);
  const next = new RelayLab();
  next.relay.takeOver(rows.subarray(0, ROW_LENGTH - 1), next.now, next.now, ALL);
  next.relay.takeOver(new Uint8Array(3 * ROW_LENGTH), next.now, next.now, ALL);
  next.relay.takeOver(new Uint8Array(3 * ROW_LENGTH).fill(0xff), next.now, next.now, ALL);
  assert.equal(next.relay.gauges.peers, 0);
});
