import assert from "node:assert/strict";
import test from "node:test";
import { type PeerId } from "#src/protocol/peers/index.ts";
import { Peers } from "#src/protocol/peers/table.ts";
import { teredo } from "../packets.ts";
import { CLIENT, CLIENT_PORT, RELAY } from "../vectors.ts";

const NOW = 1_000_000;
const ADDRESS = teredo(CLIENT, CLIENT_PORT);

/** A peer that has proven itself and is leased, and what its lease was when it was recalled. */
function leased() {
  const peers = new Peers(8, 1, 2);
  const p = peers.insert(ADDRESS, 0, NOW);
  peers.setMapping(p, CLIENT, CLIENT_PORT, RELAY);
  peers.setTrusted(p, true);
  peers.setProven(p, true);
  peers.received(p, NOW);
  peers.setLeased(p, true);
  const recalled: string[] = [];
  peers.onRecall = (it) => {
    const written = new Uint8Array(16);
    peers.writeAddress(it, written, 0);
    assert.deepEqual(written, ADDRESS, "it is told while the entry is still the peer's");
    const { isTrusted, isProven, isResolving } = peers;
    const flags = [isTrusted, isProven, isResolving].map((ask) => ask.call(peers, it));
    const ends = [peers.mappedAddress(it), peers.mappedPort(it), peers.localAddress(it)];
    assert.deepEqual([flags, ends], [[true, true, false], [CLIENT, CLIENT_PORT, RELAY]]);
    recalled.push("recalled");
  };
  return { peers, p, recalled };
}

type Change = (peers: Peers, p: PeerId) => void;

const RECALLS: readonly (readonly [string, Change])[] = [
  ["the entry goes", (peers, p) => peers.remove(p)],
  ["it is trusted no longer", (peers, p) => peers.setTrusted(p, false)],
  ["it has not proven itself", (peers, p) => peers.setProven(p, false)],
  ["it is asked", (peers, p) => peers.setResolving(p, true)],
  ["another address", (peers, p) => peers.setMapping(p, CLIENT + 1, CLIENT_PORT, RELAY)],
  ["another port", (peers, p) => peers.setMapping(p, CLIENT, CLIENT_PORT + 1, RELAY)],
  ["another address of ours", (peers, p) => peers.setMapping(p, CLIENT, CLIENT_PORT, RELAY + 1)],
  ["it wrote to another address of ours", (peers, p) => peers.setLocalAddress(p, RELAY + 1)],
];

for (const [name, change] of RECALLS) {
  test(`Peers.onRecall is called before it happens, once: ${name}`, () => {
    const { peers, p, recalled } = leased();
    change(peers, p);
    assert.deepEqual(recalled, ["recalled"]);
    assert.equal(peers.isLeased(p), false);
    peers.setTrusted(p, false);
    assert.equal(recalled.length, 1, "of a lease that is over nobody hears");
  });
}

const KEEPS: readonly (readonly [string, Change])[] = [
  ["it is heard of", (peers, p) => peers.received(p, NOW + 1)],
  ["it is sent to", (peers, p) => peers.transmitted(p, NOW + 1)],
  ["a bubble goes to it", (peers, p) => peers.bubbled(p, NOW + 1)],
  ["a packet waits for an answer", (peers, p) => peers.setWanted(p)],
  ["it is what it was", (peers, p) => {
    peers.setTrusted(p, true);
    peers.setProven(p, true);
    peers.setResolving(p, false);
    peers.setMapping(p, CLIENT, CLIENT_PORT, RELAY);
    peers.setLocalAddress(p, RELAY);
  }],
  ["another peer goes", (peers) => {
    peers.remove(peers.insert(teredo(CLIENT, CLIENT_PORT + 1), 0, NOW));
  }],
];

for (const [name, change] of KEEPS) {
  test(`Peers keep a lease when ${name}`, () => {
    const { peers, p, recalled } = leased();
    change(peers, p);
    assert.deepEqual(recalled, []);
    assert.equal(peers.isLeased(p), true);
  });
}

test("Peers.insert() makes an entry without the lease of who had its number before", () => {
  const { peers, p } = leased();
  peers.remove(p);
  assert.equal(peers.insert(teredo(CLIENT, 1), 0, NOW), p);
  assert.equal(peers.isLeased(p), false);
});
