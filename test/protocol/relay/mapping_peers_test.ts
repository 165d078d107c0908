import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { MAPPING_PEERS } from "#src/protocol/peers/states.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { bubble, teredo } from "../packets.ts";
import { data, HOST, RelayLab, tokenOf, udp } from "./lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, SERVER } from "../vectors.ts";

const ROOM: Partial<RelayOptions> = { maxPeers: 1_000, holdMemory: 1_000 * 1280 };
const HONEST = teredo(CLIENT, CLIENT_PORT);
const PACKET = data(HOST, HONEST);

/** The address of one mapping in so many guises. */
const GUISES: Readonly<Record<string, (i: number) => Uint8Array>> = {
  servers: (i) => teredo(CLIENT, CLIENT_PORT, SERVER + 1 + i),
  flags: (i) => HONEST.with(8, 0x3c ^ (i >> 8)).with(9, (i & 0xff) ^ 0xff),
  both: (i) => teredo(CLIENT, CLIENT_PORT, SERVER + 1 + i).with(9, i & 0xff),
};

/** Makes a peer trusted by its answer to a bubble. */
function meet(lab: RelayLab, client: Uint8Array, from: { address?: number; port?: number } = {}) {
  const drop = lab.fromIpv6(data(HOST, client));
  if (drop !== Drop.None) return drop;
  return lab.fromClient(bubble(client, tokenOf(lab.sent)), from);
}

for (const [what, guise] of Object.entries(GUISES)) {
  test(`Relay keeps no more than 64 peers of one mapping, whatever its ${what} (R-26)`, () => {
    const lab = new RelayLab(ROOM);
    for (let i = 0; i < 500; i++) {
      assert.equal(lab.fromIpv6(data(HOST, guise(i))), Drop.None);
      lab.now += 10;
    }
    assert.equal(MAPPING_PEERS, 64);
    assert.equal(lab.relay.gauges.peers, MAPPING_PEERS);
    // The one whose mapping it is comes in whichever way it is asked for.
    assert.equal(meet(lab, HONEST), Drop.None);
    lab.fromIpv6(PACKET);
    assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
    assert.equal(lab.relay.gauges.peers, MAPPING_PEERS);
  });

  test(`Relay lets who holds a mapping push out no one else, whatever its ${what} (R-26)`, () => {
    const lab = new RelayLab({ ...ROOM, maxPeers: 100 });
    const others = Array.from({ length: 20 }, (_, i) => teredo(CLIENT + 1 + i, CLIENT_PORT));
    others.forEach((client, i) => meet(lab, client, { address: CLIENT + 1 + i }));
    const strangers = Array.from({ length: 16 }, (_, i) => teredo(CLIENT + 99, 1 + i));
    for (const client of strangers) lab.fromIpv6(data(HOST, client));
    let refused = 0;
    for (let i = 0; i < 500; i++) if (meet(lab, guise(i)) !== Drop.None) refused++;
    assert.equal(refused, 500 - MAPPING_PEERS);
    assert.equal(lab.relay.gauges.trusted, 20 + MAPPING_PEERS);
    assert.equal(lab.relay.gauges.peers, 20 + 16 + MAPPING_PEERS);
    for (const client of others) {
      lab.fromIpv6(data(HOST, client));
      assert.equal(lab.sent.length, 1, "an honest peer is gone");
    }
  });
}

test("Relay admits who proves a mapping before those that were only said to be there (R-26)", () => {
  const lab = new RelayLab({ ...ROOM, maxPeers: 16_384 });
  for (let i = 0; i < MAPPING_PEERS; i++) {
    const client = GUISES["servers"]!(i);
    lab.fromIpv6(data(HOST, client));
    assert.equal(lab.fromClient(data(client, HOST)), Drop.None); // forged
  }
  assert.equal(lab.relay.gauges.trusted, MAPPING_PEERS);
  assert.equal(lab.fromIpv6(PACKET), Drop.PeerTableFull); // a stranger's packet moves nobody
  assert.equal(lab.fromClient(data(HONEST, HOST)), Drop.UnknownPeer);
  assert.equal(lab.fromClient(bubble(HONEST, tokenOf(lab.sent))), Drop.None);
  lab.fromIpv6(PACKET);
  assert.deepEqual(lab.sent, [udp(PACKET, CLIENT, CLIENT_PORT, RELAY)]);
});

test("Relay lets trusted peers of one IPv4 address fill a 64th of the table, others the rest (R-26)", () => {
  const lab = new RelayLab({ maxPeers: 8_192, holdMemory: 64 * 1280, challengeRate: 1_000_000 });
  const share = 8_192 / 64;
  for (let port = 1; port <= 200; port++) {
    const client = teredo(CLIENT, port);
    // By way of a packet from the IPv6 side, and of a challenge.
    if (port % 2 === 0) lab.fromIpv6(data(HOST, client));
    else lab.fromClient(data(client, HOST, 0, 86), { port });
    const drop = lab.fromClient(bubble(client, tokenOf(lab.sent)), { port });
    assert.equal(drop, port <= share ? Drop.None : Drop.PeerTableFull);
  }
  assert.equal(lab.relay.gauges.trusted, share);
  assert.equal(meet(lab, teredo(CLIENT + 1, 9), { address: CLIENT + 1, port: 9 }), Drop.None);
  // What it has lost it may have again.
  lab.advance(300_000 + 1_000);
  assert.equal(lab.relay.gauges.trusted, 0);
  assert.equal(meet(lab, teredo(CLIENT, 201), { port: 201 }), Drop.None);
});

test("Relay keeps half of an address's share for who proves to be there (R-24, R-26)", () => {
  const lab = new RelayLab(ROOM);
  for (let port = 1; port <= 60; port++) {
    const client = teredo(CLIENT, port);
    lab.fromIpv6(data(HOST, client));
    const drop = lab.fromClient(data(client, HOST), { port }); // forged
    assert.equal(drop, port <= 32 ? Drop.None : Drop.PeerTableFull);
  }
  for (let port = 101; port <= 132; port++) {
    assert.equal(meet(lab, teredo(CLIENT, port), { port }), Drop.None);
  }
});

test("Relay lets no one move to an IPv4 address that has its share (R-22, R-26)", () => {
  const lab = new RelayLab({ ...ROOM, maxPeers: 4_096 });
  for (let port = 1; port <= 64; port++) meet(lab, teredo(CLIENT, port), { port });
  const mover = teredo(CLIENT + 1, 9);
  lab.fromIpv6(data(HOST, mover));
  const answer = bubble(mover, tokenOf(lab.sent));
  assert.equal(lab.fromClient(answer, { address: CLIENT, port: 99 }), Drop.PeerTableFull);
  assert.equal(lab.fromClient(answer, { address: CLIENT + 1, port: 9 }), Drop.None);
});

test("Relay counts each mapping by itself: 2,000 ports of one address (R-26)", () => {
  const lab = new RelayLab({ maxPeers: 4_096, holdMemory: 1280 });
  for (let port = 1; port <= 2_000; port++) lab.fromIpv6(data(HOST, teredo(CLIENT, port)));
  assert.equal(lab.relay.gauges.peers, 2_000);
});
