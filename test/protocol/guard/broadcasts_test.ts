import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Broadcasts, MAX_BROADCASTS } from "#src/protocol/guard/broadcasts.ts";
import { Drop } from "#src/protocol/drops.ts";
import { data, HOST, RelayLab, tokenOf } from "../relay/lab.ts";
import { bubble, ip4, teredo } from "../packets.ts";
import { assertSilent, ServerLab } from "../server/lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, RELAY_PORT, vector } from "../vectors.ts";

const address = fc.oneof(fc.integer({ min: 1, max: 0xffffffff }), fc.integer({ min: 1, max: 40 }));

test("Broadcasts.has() agrees with a Set, list after list (R-02)", () => {
  const broadcasts = new Broadcasts();
  const lists = fc.array(fc.uniqueArray(address, { maxLength: 64 }), { maxLength: 4 });
  fc.assert(fc.property(lists, fc.array(address), (lists, others) => {
    for (const list of lists) {
      broadcasts.replace(list);
      const set = new Set(list);
      for (const one of [...list, ...others, 0]) assert.equal(broadcasts.has(one), set.has(one));
    }
  }));
});

test("Broadcasts.replace() takes as many as there is room for, neighbours all", () => {
  const broadcasts = new Broadcasts();
  const many = Array.from({ length: MAX_BROADCASTS + 1 }, (_, i) => 0xcb007100 + i);
  assert.throws(() => broadcasts.replace(many), RangeError);
  broadcasts.replace(many.slice(1));
  assert.equal(many.filter((it) => broadcasts.has(it)).length, MAX_BROADCASTS);
});

const BROADCAST = ip4("203.0.113.255");

test("Relay.fromIpv6() drops a directed broadcast as mapped or as server address (R-02)", () => {
  for (
    const [client, reason] of [
      [teredo(BROADCAST, CLIENT_PORT), Drop.MappedAddressNotGlobal],
      [teredo(CLIENT, CLIENT_PORT, BROADCAST), Drop.ServerAddressNotGlobal],
    ] as const
  ) {
    const lab = new RelayLab({ restricted: true });
    assert.equal(lab.fromIpv6(data(HOST, client)), Drop.None);
    lab.relay.setBroadcasts([BROADCAST]);
    // Also for a peer that is there already: the subnet may have been attached since.
    for (const one of [client, client.with(9, 1)]) {
      assert.equal(lab.fromIpv6(data(HOST, one)), reason);
      assert.deepEqual(lab.sent, []);
    }
    assert.equal(lab.drops(reason), 2);
    lab.relay.setBroadcasts([]);
    assert.equal(lab.fromIpv6(data(HOST, client)), Drop.None);
  }
});

test("Relay.fromUdp() takes nothing from a directed broadcast, token or not (R-21, N3)", () => {
  const lab = new RelayLab();
  const client = vector("A2");
  lab.relay.setBroadcasts([BROADCAST]);
  lab.fromIpv6(data(HOST, client));
  const answer = bubble(client, tokenOf(lab.sent));
  assert.equal(lab.fromClient(answer, { address: BROADCAST }), Drop.SourceNotGlobal);
  assert.equal(
    lab.fromClient(data(teredo(CLIENT, CLIENT_PORT, BROADCAST), HOST)),
    Drop.UnknownPeer,
  );
  assert.equal(lab.sent.length, 1, "the server is not asked");
});

test("Server.fromUdp() takes nothing from a directed broadcast, and forwards nothing to it (S-04, S-13, S-22)", () => {
  const lab = new ServerLab();
  const client = teredo(BROADCAST, CLIENT_PORT);
  const from = { address: RELAY, port: RELAY_PORT };
  assert.equal(lab.receive(bubble(HOST, client), from), Drop.None);
  lab.server.setBroadcasts([BROADCAST]);
  assertSilent(lab, bubble(HOST, client), Drop.MappedAddressNotGlobal, from);
  assertSilent(lab, vector("R3"), Drop.SourceNotGlobal, { address: BROADCAST });
});
