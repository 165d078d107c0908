import assert from "node:assert/strict";
import test from "node:test";
import { DISCOVERY_PATH } from "#src/protocol/client/contract.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import { bubble, teredo } from "../packets.ts";
import { CLIENT, SERVER } from "../vectors.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  ClientLab,
  data,
  echoReply,
  endOf,
  HOST,
  MAPPED_AT,
  nonceTrailer,
  PEER,
  PEER_AT,
  RELAY_AT,
  SERVER_AT,
} from "./lab.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const OPTIONS = { ...CLIENT_OPTIONS, localDiscovery: true, checkHost: parseIpv6("2001:db8::7")! };
/** Our port where the NAT keeps it. */
const KEPT_AT = { ...MAPPED_AT, port: CLIENT_OPTIONS.servicePort };

/** A client with a native host that it talks to, and a peer that it reaches by a random port. */
function busy(): ClientLab {
  const lab = new ClientLab(OPTIONS, true).qualifySymmetric(KEPT_AT);
  lab.send(PEER);
  lab.indirect(nonceTrailer("deadbeef"));
  assertDrop(lab.direct(PEER_AT, new Uint8Array(0), 1), Drop.None);
  lab.send(HOST);
  lab.receive(echoReply(lab.sentTo(SERVER_AT)[0]!.bytes), RELAY_AT);
  lab.send("2001:db8::9");
  const { trusted, randomPorts, heldPackets } = lab.client.gauges;
  assert.deepEqual({ trusted, randomPorts, heldPackets }, {
    trusted: 2,
    randomPorts: 1,
    heldPackets: 1,
  });
  return lab;
}

function set(lab: ClientLab, options: Partial<typeof CLIENT_OPTIONS>): ClientLab {
  lab.clear().client.set({ ...OPTIONS, ...options }, lab.now, lab.sink);
  return lab;
}

test("Client that is to be quiet says nothing to anybody, and lets go of all that it has (C-01, H-08)", () => {
  const lab = busy();
  const before = lab.address;
  set(lab, { quiet: true });
  assert.deepEqual(lab.sent.map(({ to }) => to), ["icmpv6"], "who sent what was held is told");
  const { address, deprecated, server, standbys } = lab.client.status();
  assert.deepEqual([address, deprecated, server, standbys], [undefined, [], undefined, []]);
  const { trusted, randomPorts, heldPackets } = lab.client.gauges;
  assert.deepEqual([trusted, randomPorts, heldPackets, lab.ports.size], [0, 0, 0, 0]);

  assertDrop(lab.receive(data(HOST, before), RELAY_AT), Drop.DestinationNotOurs);
  assert.deepEqual(lab.sent, []);
  assertDrop(lab.receive(bubble(PEER, before), PEER_AT), Drop.DestinationNotOurs);
  assert.deepEqual(lab.sent, []);
  const near = { address: CLIENT_OPTIONS.subnets[0]!.address + 7, port: 3_797 };
  lab.receive(bubble(teredo(CLIENT, 41_000, SERVER), "ff02::1"), near, DISCOVERY_PATH);
  assert.deepEqual(lab.sent, []);
  assert.deepEqual(lab.advance(20 * MINUTE).sent, []);
  assert.equal(lab.client.gauges.peers, 0);
});

test("Client that is quiet no more asks its servers, and has its old address where the mapping stands (C-17)", () => {
  const lab = busy();
  const before = lab.address;
  set(lab, { quiet: true }).advance(MINUTE);
  set(lab, {});
  assert.deepEqual(lab.sent.map(({ to }) => to), [endOf(SERVER_AT)]);
  lab.advertise(lab.solicitationTo(SERVER), KEPT_AT);
  assert.deepEqual(lab.address, before);
});

test("Client without servers goes on with its flows: their names may have no address just now", () => {
  const lab = busy();
  const before = lab.address;
  set(lab, { servers: [] });
  assertDrop(lab.receive(data(HOST, before), RELAY_AT), Drop.None);
  lab.advance(25 * SECOND);
  assert.equal(lab.sentTo(RELAY_AT).length, 1, "a bubble, so that the relay does not forget it");
});
