import assert from "node:assert/strict";
import test from "node:test";
import type { ClientOptions } from "#src/protocol/client/contract.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { type Address, arrival, bubble, change, ip4, teredo } from "../packets.ts";
import { CLIENT, CLIENT_LOCAL } from "../vectors.ts";
import {
  assertDrop,
  ClientLab,
  data,
  type End,
  HOST,
  MAPPED_AT,
  PEER,
  PEER_AT,
  RELAY_AT,
} from "./lab.ts";

const SECOND = 1_000;

/** What is foreseen, after a check that it leaves nothing behind. */
function foresee(lab: ClientLab, ask: () => Drop): Drop {
  const counters = lab.counters.slice();
  const { ways, ...gauges } = lab.client.gauges;
  const entries = ways.slice();
  const next = lab.client.nextTimer();
  const drop = ask();
  assert.equal(ask(), drop, "asked again");
  assert.deepEqual(lab.counters, counters);
  const { ways: after, ...levels } = lab.client.gauges;
  assert.deepEqual([levels, after], [gauges, entries]);
  assert.equal(lab.client.nextTimer(), next);
  return drop;
}

interface Case {
  readonly name: string;
  readonly options?: Partial<ClientOptions>;
  readonly before?: (lab: ClientLab) => void;
  readonly from?: Address;
  readonly to: Address;
  readonly drop: Drop;
}

const fill = (lab: ClientLab) => {
  for (let i = 0; i < 8; i++) lab.send(PEER);
};

const cases: readonly Case[] = [
  { name: "a client that is not known", to: PEER, drop: Drop.None },
  { name: "a native host that is not known", to: HOST, drop: Drop.None },
  { name: "a client that is asked", before: (lab) => lab.send(PEER), to: PEER, drop: Drop.None },
  { name: "a client whose queue is full", before: fill, to: PEER, drop: Drop.HoldFull },
  {
    name: "a client that left four bubbles unanswered",
    before: (lab) => (lab.send(PEER), lab.live(30 * SECOND)),
    to: PEER,
    drop: Drop.PeerUnreachable,
  },
  {
    name: "a trusted client",
    before: (lab) => (lab.send(PEER), lab.direct(PEER_AT)),
    to: PEER,
    drop: Drop.None,
  },
  {
    name: "a client with a private mapping",
    to: teredo(CLIENT_LOCAL, 1),
    drop: Drop.MappedAddressNotGlobal,
  },
  {
    name: "a client with a private server",
    to: teredo(PEER_AT.address, 1, ip4("10.0.0.1")),
    drop: Drop.ServerAddressNotGlobal,
  },
  { name: "all nodes of a site", to: "ff05::1", drop: Drop.DestinationScope },
  { name: "all routers of the link, as the kernel does", to: "ff02::16", drop: Drop.None },
  { name: "a host from another address", from: "2001:db8::9", to: HOST, drop: Drop.SourceNotOurs },
  {
    name: "one client more than there is room for",
    options: { maxPeers: 1 },
    before: (lab) => (lab.send(PEER), lab.direct(PEER_AT)),
    to: HOST,
    drop: Drop.PeerTableFull,
  },
];

for (const { name, options, before, from, to, drop } of cases) {
  test(`Client.foreseeFromIpv6() of a packet to ${name} is what fromIpv6() says: ${DROP_NAMES[drop]}`, () => {
    const lab = new ClientLab(options).qualify();
    before?.(lab);
    const packet = to === "ff02::16"
      ? change(data("fe80::1", to), 6, 58)
      : data(from ?? lab.address, to);
    const ask = () => lab.client.foreseeFromIpv6(packet, 0, packet.length, lab.now);
    assertDrop(foresee(lab, ask), drop);
    assertDrop(lab.transmit(packet), drop);
  });
}

test("Client.foreseeFromIpv6() before there is an address: not_qualified", () => {
  const lab = new ClientLab().start();
  const packet = data(PEER, HOST);
  const ask = () => lab.client.foreseeFromIpv6(packet, 0, packet.length, lab.now);
  assertDrop(foresee(lab, ask), Drop.NotQualified);
});

interface Arrival {
  readonly name: string;
  readonly bytes: (address: Uint8Array) => Uint8Array;
  readonly from: End;
  readonly drop: Drop;
}

const arrivals: readonly Arrival[] = [
  { name: "of a client", bytes: (a) => data(PEER, a), from: PEER_AT, drop: Drop.None },
  { name: "of a host's relay", bytes: (a) => data(HOST, a), from: RELAY_AT, drop: Drop.None },
  { name: "that is a bubble", bytes: (a) => bubble(PEER, a), from: PEER_AT, drop: Drop.None },
  {
    name: "to another address",
    bytes: (a) => data(PEER, change(a, 15, 0)),
    from: PEER_AT,
    drop: Drop.DestinationNotOurs,
  },
  {
    name: "of a client from a private address",
    bytes: (a) => data(PEER, a),
    from: { address: ip4("10.0.0.7"), port: 1 },
    drop: Drop.SourceMismatch,
  },
  {
    name: "of a host from a private address",
    bytes: (a) => data(HOST, a),
    from: { address: ip4("10.0.0.7"), port: 1 },
    drop: Drop.SourceNotGlobal,
  },
  {
    name: "from our own mapping",
    bytes: (a) => data(PEER, a),
    from: MAPPED_AT,
    drop: Drop.OwnAddress,
  },
  {
    name: "with our own address as its source",
    bytes: (a) => data(a, a),
    from: PEER_AT,
    drop: Drop.OwnAddress,
  },
  {
    name: "of a link-local source",
    bytes: (a) => data("fe80::1", a),
    from: PEER_AT,
    drop: Drop.SourceScope,
  },
  { name: "of 3 bytes", bytes: () => new Uint8Array(3), from: PEER_AT, drop: Drop.Truncated },
  {
    name: "from no port",
    bytes: (a) => data(PEER, a),
    from: { address: CLIENT, port: 0 },
    drop: Drop.SourceNotGlobal,
  },
];

for (const { name, bytes, from, drop } of arrivals) {
  test(`Client.foreseeFromUdp() of a datagram ${name}: ${DROP_NAMES[drop]}`, () => {
    const lab = new ClientLab().qualify();
    const b = bytes(lab.address);
    const came = arrival(b, from.address, from.port, 0, 0, b.length);
    assertDrop(foresee(lab, () => lab.client.foreseeFromUdp(came, lab.now)), drop);
  });
}
