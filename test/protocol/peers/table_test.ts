import assert from "node:assert/strict";
import test from "node:test";
import { NO_PEER, PEERS_MAX } from "#src/protocol/peers/index.ts";
import { PEER_LIFETIME, PEER_VALIDITY, Peers } from "#src/protocol/peers/table.ts";
import { teredo } from "../packets.ts";
import { CLIENT, SERVER, vector } from "../vectors.ts";

const A2 = vector("A2");
const NOW = 1_000_000;

function makePeers(capacity = 8): Peers {
  return new Peers(capacity, 0x01234567, 0x89abcdef);
}

test("Peers.insert() makes an untrusted entry that nothing waits for (R-03, R-12)", () => {
  const peers = makePeers();
  assert.equal(peers.find(A2, 0), NO_PEER);
  const p = peers.insert(A2, 0, NOW);
  assert.equal(peers.find(A2, 0), p);
  assert.equal(peers.size, 1);
  assert.equal(peers.counts.trusted, 0);
  assert.equal(peers.isTrusted(p), false);
  assert.equal(peers.isResolving(p), false);
  assert.equal(peers.bubblesSent(p), 0);
  assert.equal(NOW - peers.lastReceived(p), 30_000); // RFC 4380 §5.2.6
  assert.equal(NOW - peers.lastTransmitted(p), 30_000);
  assert.equal(peers.mappedAddress(p), 0);
  assert.equal(peers.localAddress(p), 0);
});

test("Peers.find() tells addresses apart that differ in one bit", () => {
  const peers = makePeers(129);
  peers.insert(A2, 0, NOW);
  for (let bit = 0; bit < 128; bit++) {
    const other = A2.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(peers.find(other, 0), NO_PEER);
    assert.notEqual(peers.insert(other, 0, NOW), NO_PEER);
  }
  assert.equal(peers.size, 129);
  const written = new Uint8Array(20);
  peers.writeAddress(peers.find(A2, 0), written, 2);
  assert.deepEqual(written.subarray(2, 18), A2);
});

test("Peers.insert() refuses more than its capacity, and reuses what was removed (R-26)", () => {
  const peers = makePeers(3);
  const address = (i: number) => teredo(CLIENT, 1 + i);
  const ids = [0, 1, 2].map((i) => peers.insert(address(i), 0, NOW));
  assert.deepEqual(ids, [1, 2, 3]); // dense
  assert.equal(peers.insert(address(3), 0, NOW), NO_PEER);
  peers.setTrusted(2, true);
  peers.setMapping(2, 0xffffffff, 65_535, 0xfffffffe);
  peers.bubbled(2, NOW);
  peers.remove(2);
  assert.equal(peers.counts.trusted, 0);
  assert.equal(peers.find(address(1), 0), NO_PEER);
  const p = peers.insert(address(3), 0, NOW);
  assert.equal(p, 2);
  assert.equal(peers.isTrusted(p), false);
  assert.equal(peers.bubblesSent(p), 0);
  assert.equal(peers.mappedAddress(p), 0);
  assert.equal(peers.mappedPort(p), 0);
});

test("Peers.remove() leaves every other entry in reach, in any order", () => {
  const count = 500;
  for (const step of [1, 7, 499]) {
    const peers = makePeers(count);
    const address = (i: number) => teredo(CLIENT + i, 1);
    for (let i = 0; i < count; i++) peers.insert(address(i), 0, NOW);
    for (let k = 0, i = 0; k < count; k++, i = (i + step) % count) {
      peers.remove(peers.find(address(i), 0));
      assert.equal(peers.find(address(i), 0), NO_PEER);
      if (k % 50 !== 0) continue;
      let found = 0;
      for (let j = 0; j < count; j++) if (peers.find(address(j), 0) !== NO_PEER) found++;
      assert.equal(found, peers.size);
    }
    assert.equal(peers.size, 0);
  }
});

test("Peers.isValid() wants trust, and a reception less than 30 s ago (R-10)", () => {
  const peers = makePeers();
  const p = peers.insert(A2, 0, NOW);
  peers.received(p, NOW);
  assert.equal(peers.isValid(p, NOW), false);
  peers.setTrusted(p, true);
  assert.equal(peers.isValid(p, NOW + PEER_VALIDITY - 1), true);
  assert.equal(peers.isValid(p, NOW + PEER_VALIDITY), false);
  assert.equal(peers.isTrusted(p), true);
});

test("Peers.isSettledAt() wants trust, the very mapping, and no bubble on its way", () => {
  const peers = makePeers();
  const p = peers.insert(A2, 0, NOW);
  peers.setMapping(p, 0xc0000201, 40_000, SERVER);
  assert.equal(peers.isSettledAt(p, 0xc0000201, 40_000), false);
  peers.setTrusted(p, true);
  assert.equal(peers.isSettledAt(p, 0xc0000201, 40_000), true);
  assert.equal(peers.isSettledAt(p, 0xc0000202, 40_000), false);
  assert.equal(peers.isSettledAt(p, 0xc0000201, 40_001), false);
  peers.setResolving(p, true);
  assert.equal(peers.isSettledAt(p, 0xc0000201, 40_000), false);
  assert.equal(peers.isTrusted(p), true);
});

test("Peers.oldest() is the untrusted one first made, then the one silent longest (R-26)", () => {
  const peers = makePeers();
  const [a, b, c] = [1, 2, 3].map((port) => peers.insert(teredo(CLIENT, port), 0, NOW)) as [
    number,
    number,
    number,
  ];
  assert.equal(peers.oldest(NOW), a);
  for (const p of [a, b, c]) {
    peers.setTrusted(p, true);
    peers.received(p, NOW);
  }
  assert.equal(peers.oldest(NOW), NO_PEER); // all are there
  peers.received(a, NOW + 5_000);
  peers.received(b, NOW + 10_000);
  assert.equal(peers.oldest(NOW + PEER_VALIDITY), c);
  peers.setTrusted(b, false);
  assert.equal(peers.oldest(NOW), b);
  peers.remove(b);
  peers.remove(c);
  assert.equal(peers.oldest(NOW + PEER_VALIDITY), NO_PEER);
  assert.equal(peers.oldest(NOW + 5_000 + PEER_VALIDITY), a);
});

test("Peers.expiry() is 300 s after the last packet or bubble either way (R-15)", () => {
  const peers = makePeers();
  const p = peers.insert(A2, 0, NOW);
  peers.bubbled(p, NOW);
  assert.equal(peers.expiry(p), NOW + PEER_LIFETIME);
  peers.received(p, NOW + 1);
  assert.equal(peers.expiry(p), NOW + 1 + PEER_LIFETIME);
  peers.transmitted(p, NOW + 2);
  assert.equal(peers.expiry(p), NOW + 2 + PEER_LIFETIME);
  assert.equal(peers.bubblesSent(p), 0); // what was received answered them
});

test("Peers spreads addresses that count up, whatever they count in", () => {
  // With a poor hash long runs form, and a scan of the prefix makes every lookup slow.
  const count = 20_000;
  for (const address of [(i: number) => teredo(i, 1), (i: number) => teredo(CLIENT, i)]) {
    const peers = makePeers(count);
    for (let i = 0; i < count; i++) peers.insert(address(i), 0, NOW);
    for (let i = 0; i < count; i++) assert.equal(peers.find(address(i), 0), i + 1);
  }
});

test("Peers.find() does not remember an entry that has been removed, or given to another", () => {
  const peers = makePeers();
  const first = teredo(CLIENT, 1).fill(0, 0, 4); // as the start of a record given back reads
  const second = teredo(CLIENT, 2);
  const p = peers.insert(first, 0, NOW);
  assert.equal(peers.find(first, 0), p);
  peers.remove(p);
  assert.equal(peers.find(first, 0), NO_PEER);
  assert.equal(peers.insert(second, 0, NOW), p);
  assert.equal(peers.find(first, 0), NO_PEER);
  assert.equal(peers.find(second, 0), p);
  assert.equal(peers.find(new Uint8Array(16), 0), NO_PEER); // as the record of no peer reads
});

test("Peers has room for one entry, as a worker of many has, and for no more than it can number", () => {
  const peers = makePeers(1);
  for (let port = 1; port <= 100; port++) {
    const p = peers.insert(teredo(CLIENT, port), 0, NOW);
    assert.equal(p, 1);
    assert.equal(peers.insert(teredo(CLIENT, 0), 0, NOW), NO_PEER);
    assert.equal(peers.find(teredo(CLIENT, port), 0), p);
    peers.remove(p);
  }
  for (const capacity of [0, -1, NaN, PEERS_MAX + 1]) assert.throws(() => makePeers(capacity));
});
