import assert from "node:assert/strict";
import test from "node:test";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { bubble, ip4, teredo } from "../packets.ts";
import { vector } from "../vectors.ts";
import { data, HOST, NO_GAUGES, RelayLab, tokenOf } from "./lab.ts";

const A2 = vector("A2");
const PACKET = data(HOST, A2);
const ANSWER = data(A2, HOST);

/** A lab that holds two packets for a client which has not answered yet. */
function waiting(options = {}): { lab: RelayLab; token: Uint8Array } {
  const lab = new RelayLab(options);
  lab.fromIpv6(PACKET);
  const token = tokenOf(lab.sent);
  lab.fromIpv6(data(HOST, A2, 0xbb));
  return { lab, token };
}

test("Relay.set() keeps peers, what is held for them, and bubbles that are not answered yet", () => {
  const { lab, token } = waiting();
  lab.set({ holdPackets: 1, holdMemory: 1_280_000, holdAge: 50_000, newPeerRate: 5 });
  assert.deepEqual(lab.relay.gauges, {
    ...NO_GAUGES,
    peers: 1,
    resolving: 1,
    heldPackets: 2,
    heldBytes: 176,
  });
  assert.equal(lab.fromClient(bubble(A2, token)), Drop.None);
  assert.equal(lab.sent.length, 2, "both that were held");
  lab.set({});
  assert.equal(lab.fromIpv6(PACKET), Drop.None);
  assert.equal(lab.sent.length, 1, "at once: it is trusted");
  assert.equal(lab.fromClient(ANSWER), Drop.None);
  assert.equal(lab.allDrops, 0);
});

test("Relay.set() with what it has changes nothing, two hundred times", () => {
  const { lab, token } = waiting();
  for (let i = 0; i < 200; i++) {
    lab.set({});
    lab.advance(5);
  }
  assert.deepEqual(lab.relay.gauges, {
    ...NO_GAUGES,
    peers: 1,
    resolving: 1,
    heldPackets: 2,
    heldBytes: 176,
  });
  assert.equal(lab.fromClient(bubble(A2, token)), Drop.None);
  assert.equal(lab.sent.length, 2);
});

/** Packets for so many clients of one network. */
function scan(lab: RelayLab, count: number, from = 0): number {
  const passed = Array.from({ length: count }, (_, i) => {
    const client = teredo(ip4("8.8.8.8"), 1_000 + from + i);
    return lab.fromIpv6(data(HOST, client)) === Drop.None;
  });
  return passed.filter(Boolean).length;
}

test("Relay.set() remembers what the limits have counted", () => {
  const lab = new RelayLab({ newPeerRate: 10 });
  assert.equal(scan(lab, 20), 10);
  for (let i = 0; i < 5; i++) lab.set({ newPeerRate: 10 });
  assert.equal(scan(lab, 20, 20), 0, "a reload is no way around a limit");
  lab.set({ newPeerRate: 12 });
  assert.equal(scan(lab, 20, 20), 2);
  lab.set({ newPeerRate: 0 });
  assert.equal(scan(lab, 20, 20), 20);
});

test("Relay.set(): served, restricted and refuse_reserved hold from the next packet on", () => {
  const { lab, token } = waiting();
  lab.fromClient(bubble(A2, token));
  lab.set({ served: [parseIpv6Prefix("2001:db8:9::/48")!] });
  assert.equal(lab.fromIpv6(PACKET), Drop.SourceNotServed);
  assert.equal(lab.fromClient(ANSWER), Drop.DestinationNotServed);
  const reserved = teredo(ip4("100.64.0.1"), 4_096);
  lab.set({ refuseReserved: true });
  assert.equal(lab.fromIpv6(data(HOST, reserved)), Drop.MappedAddressNotGlobal);
  lab.set({ restricted: true });
  assert.equal(lab.fromIpv6(data(HOST, reserved)), Drop.None);
  assert.equal(lab.count("bubbles_sent_direct"), 1);
});
