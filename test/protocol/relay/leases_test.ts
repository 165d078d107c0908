import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { NO_PEER } from "#src/protocol/peers/index.ts";
import type { PeerLeases } from "#src/protocol/peers/leases.ts";
import { PeerRows } from "#src/protocol/peers/row.ts";
import { PeerSearch } from "#src/protocol/peers/query.ts";
import { bubble, teredo } from "../packets.ts";
import { CLIENT, CLIENT_PORT, RELAY, vector } from "../vectors.ts";
import { data, HOST, RelayLab, tokenOf } from "./lab.ts";

const A2 = vector("A2");
const TO_CLIENT = data(HOST, A2);
const FROM_CLIENT = data(A2, HOST);
const NOTHING = {
  receivedPackets: 0,
  receivedBytes: 0,
  lastReceived: 0,
  sentPackets: 0,
  sentBytes: 0,
  lastSent: 0,
};

/** A lab whose relay trusts the client of the vectors, which is leased. */
function leased(options = {}) {
  const lab = new RelayLab(options);
  lab.fromIpv6(TO_CLIENT);
  const token = tokenOf(lab.sent);
  lab.fromClient(bubble(A2, token));
  const { leases } = lab.relay;
  const recalled: number[] = [];
  leases.onRecall = (p) => recalled.push(p);
  const p = leases.find(A2, 0);
  assert.ok(leases.mayLease(p, lab.now));
  leases.setLeased(p, true);
  return { lab, leases, p, token, recalled };
}

type Case = ReturnType<typeof leased>;

const RECALLS: readonly (readonly [string, (it: Case) => void, options?: object])[] = [
  ["a packet comes for it after 30 s of silence, and is held", ({ lab }) => {
    lab.now += 30_000;
    lab.fromIpv6(TO_CLIENT);
  }],
  ["after silence it answers from another mapping", ({ lab, token }) => {
    lab.now += 30_000;
    assert.equal(lab.fromClient(bubble(A2, token), { port: CLIENT_PORT + 1 }), Drop.None);
  }],
  ["it writes to another address of ours", ({ lab }) => {
    lab.fromClient(FROM_CLIENT, { local: RELAY + 1 });
  }],
  ["it has been forgotten", ({ lab }) => lab.advance(301_000)],
  ["it gives way to another", ({ lab }) => {
    lab.now += 30_000;
    lab.fromIpv6(data(HOST, teredo(CLIENT, CLIENT_PORT + 1)));
  }, { maxPeers: 1 }],
];

for (const [name, happen, options] of RECALLS) {
  test(`Relay recalls a lease: ${name}`, () => {
    const it = leased(options);
    happen(it);
    assert.deepEqual(it.recalled, [it.p]);
  });
}

const KEEPS: readonly (readonly [string, (it: Case) => void])[] = [
  ["packets pass both ways", ({ lab }) => {
    lab.fromIpv6(TO_CLIENT);
    lab.fromClient(FROM_CLIENT);
  }],
  ["somebody forges its address, from elsewhere", ({ lab, token }) => {
    lab.fromClient(FROM_CLIENT, { address: CLIENT + 1 });
    lab.fromClient(FROM_CLIENT, { port: CLIENT_PORT + 1 });
    lab.fromClient(bubble(A2, token), { port: CLIENT_PORT + 1 });
  }],
  ["it repeats its answer", ({ lab, token }) => {
    lab.fromClient(bubble(A2, token));
  }],
];

for (const [name, happen] of KEEPS) {
  test(`Relay leaves a lease alone: ${name}`, () => {
    const it = leased();
    happen(it);
    assert.deepEqual(it.recalled, []);
  });
}

const REFUSALS: readonly (readonly [string, () => { lab: RelayLab; leases: PeerLeases }])[] = [
  ["nobody", () => {
    const lab = new RelayLab();
    return { lab, leases: lab.relay.leases };
  }],
  ["who has not answered yet", () => {
    const lab = new RelayLab();
    lab.fromIpv6(TO_CLIENT);
    return { lab, leases: lab.relay.leases };
  }],
  ["who is trusted, and may be forged", () => {
    const lab = new RelayLab();
    lab.fromIpv6(TO_CLIENT);
    assert.equal(lab.fromClient(FROM_CLIENT), Drop.None);
    return { lab, leases: lab.relay.leases };
  }],
  ["who has been silent for 30 s", () => {
    const it = leased();
    it.lab.now += 30_000;
    return it;
  }],
  ["who is asked again", () => {
    const it = leased();
    it.lab.now += 30_000;
    it.lab.fromIpv6(TO_CLIENT);
    return it;
  }],
];

for (const [name, make] of REFUSALS) {
  test(`PeerLeases.mayLease() refuses ${name}`, () => {
    const { lab, leases } = make();
    assert.equal(leases.mayLease(leases.find(A2, 0), lab.now), false);
  });
}

function rowOf(lab: RelayLab) {
  const rows = new PeerRows(new ArrayBuffer(4_096), 0, 1);
  const search = new PeerSearch();
  search.askIpv6(A2, 128);
  const { listing } = lab.relay;
  listing.look(search, NO_PEER, 64, rows, 1, lab.now);
  return rows.read(0);
}

test("PeerLeases.passed() counts as if the rules had passed it, and never moves a time back", () => {
  const { lab, leases, p } = leased();
  const before = rowOf(lab);
  lab.now += 5_000;
  leases.passed(p, {
    receivedPackets: 3,
    receivedBytes: 300,
    lastReceived: lab.now - 1_000,
    sentPackets: 2,
    sentBytes: 222,
    lastSent: lab.now - 400,
  });
  const row = rowOf(lab);
  assert.equal(row.receivedPackets, before.receivedPackets + 3);
  assert.equal(row.receivedBytes, before.receivedBytes + 300);
  assert.equal(row.sentPackets, before.sentPackets + 2);
  assert.equal(row.sentBytes, before.sentBytes + 222);
  assert.equal(row.receivedAgo, 1_000);
  assert.equal(row.transmittedAgo, 400);
  leases.passed(p, {
    ...NOTHING,
    receivedPackets: 1,
    lastReceived: 1,
    sentPackets: 1,
    lastSent: 1,
  });
  assert.equal(rowOf(lab).receivedAgo, 1_000);
  assert.equal(rowOf(lab).transmittedAgo, 400);
});

test("PeerLeases.passed(): what came since answers a bubble, what came before does not (RFC 4380 §5.2.6)", () => {
  const { lab, leases, p } = leased();
  lab.now += 20_000;
  lab.fromIpv6(TO_CLIENT);
  assert.equal(lab.count("bubbles_sent_refresh"), 1);
  const answered = lab.count("bubbles_answered");
  leases.passed(p, { ...NOTHING, receivedPackets: 9, lastReceived: lab.now - 1 });
  assert.equal(lab.count("bubbles_answered"), answered);
  assert.equal(rowOf(lab).bubblesSent, 1);
  leases.passed(p, { ...NOTHING, receivedPackets: 1, lastReceived: lab.now });
  assert.equal(lab.count("bubbles_answered"), answered + 1);
  assert.equal(rowOf(lab).bubblesSent, 0);
});

test("PeerLeases.passed() keeps a peer valid and its entry alive, as packets do (RFC 4380 §5.2.4)", () => {
  const { lab, leases, p, recalled } = leased();
  for (let i = 0; i < 400; i++) {
    lab.advance(1_000);
    leases.passed(p, { ...NOTHING, receivedPackets: 1, lastReceived: lab.now - 500 });
  }
  assert.deepEqual(recalled, []);
  assert.ok(leases.mayLease(p, lab.now));
  assert.equal(leases.refreshAt(p), lab.now - 500 + 20_000);
});
