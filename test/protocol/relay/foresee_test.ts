import assert from "node:assert/strict";
import test from "node:test";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import type { RelayOptions } from "#src/protocol/relay/contract.ts";
import { bubble, teredo } from "../packets.ts";
import { data, HOST, RelayLab, tokenOf } from "./lab.ts";
import { CLIENT, CLIENT_PORT, RELAY, RELAY_PORT, vector } from "../vectors.ts";

const A2 = vector("A2");
const TO_A2 = data(HOST, A2);

/** What is foreseen, after a check that it leaves nothing behind. */
function foresee(lab: RelayLab, ask: () => Drop): Drop {
  const counters = lab.counters.slice();
  const { gauges } = lab.relay;
  const next = lab.relay.nextTimer();
  const drop = ask();
  assert.equal(ask(), drop, "asked again");
  assert.deepEqual(lab.counters, counters);
  assert.deepEqual(lab.relay.gauges, gauges);
  assert.equal(lab.relay.nextTimer(), next);
  return drop;
}

interface Case {
  readonly name: string;
  readonly options?: Partial<RelayOptions>;
  readonly before?: (lab: RelayLab) => void;
  readonly packet?: Uint8Array;
  readonly drop: Drop;
}

const trust = (lab: RelayLab, host = HOST) => {
  lab.fromIpv6(data(host, A2));
  lab.fromClient(bubble(A2, tokenOf(lab.sent)));
};
/** The packet comes from a host that is served, whatever else is. */
const SERVED = "2001:db8:7::1";
/** Trusted by what anybody may have forged. */
const trustUnproven = (lab: RelayLab) => {
  lab.fromIpv6(TO_A2);
  lab.fromClient(data(A2, HOST));
};
const fail = (lab: RelayLab) => {
  lab.fromIpv6(TO_A2);
  lab.advance(30_000);
};
const times = (count: number, step: (lab: RelayLab, i: number) => void) => (lab: RelayLab) => {
  for (let i = 0; i < count; i++) step(lab, i);
};
const other = (i: number) => teredo(CLIENT + 1 + i, CLIENT_PORT);

const toClient: readonly Case[] = [
  { name: "an unknown peer", drop: Drop.None },
  { name: "a trusted peer", before: (lab) => trust(lab), drop: Drop.None },
  { name: "a silent peer", before: (lab) => (trust(lab), lab.advance(40_000)), drop: Drop.None },
  { name: "a peer that is asked", before: (lab) => lab.fromIpv6(TO_A2), drop: Drop.None },
  {
    name: "a peer whose queue is full",
    before: times(8, (lab) => lab.fromIpv6(TO_A2)),
    drop: Drop.HoldFull,
  },
  { name: "a peer that left four bubbles unanswered", before: fail, drop: Drop.PeerUnreachable },
  {
    name: "such a peer after 300 s",
    before: (lab) => (fail(lab), lab.advance(299_000)),
    drop: Drop.None,
  },
  {
    name: "a source that is not served",
    options: { served: [parseIpv6Prefix("2001:db8:7::/48")!] },
    drop: Drop.SourceNotServed,
  },
  { name: "a link-local source", packet: data("fe80::1", A2), drop: Drop.SourceScope },
  {
    name: "a private mapping",
    packet: data(HOST, teredo(0x0a000001, 1)),
    drop: Drop.MappedAddressNotGlobal,
  },
  {
    name: "a private server",
    packet: data(HOST, teredo(CLIENT, 1, 0x0a000001)),
    drop: Drop.ServerAddressNotGlobal,
  },
  { name: "our own mapping", packet: data(HOST, teredo(RELAY, RELAY_PORT)), drop: Drop.OwnAddress },
  {
    name: "a new peer, of one /64 too many",
    options: { newPeerRate: 4 },
    before: times(4, (lab, i) => lab.fromIpv6(data(HOST, other(i)))),
    drop: Drop.RateLimited,
  },
  {
    name: "a new peer, of one /32 too many",
    options: { bubbleRate: 40 },
    before: times(10, (lab, i) => lab.fromIpv6(data(`2001:db8:${i + 1}::1`, other(i)))),
    drop: Drop.RateLimited,
  },
  {
    name: "a new peer of a server that enough bubbles go to",
    options: { addressBubbleRate: 20 },
    before: times(9, (lab, i) => lab.fromIpv6(data(HOST, other(i)))),
    drop: Drop.RateLimited,
  },
  {
    name: "a peer that has proven nothing, beyond its rate",
    options: { addressBubbleRate: 20 },
    before: (lab) => (trustUnproven(lab), times(20, (it) => it.fromIpv6(TO_A2))(lab)),
    drop: Drop.RateLimited,
  },
];

for (const { name, options, before, packet = TO_A2, drop } of toClient) {
  test(`Relay.foreseeFromIpv6() says ${DROP_NAMES[drop]} of ${name}, as fromIpv6() then does`, () => {
    const lab = new RelayLab(options);
    before?.(lab);
    const foreseen = foresee(
      lab,
      () => lab.relay.foreseeFromIpv6(packet, 0, packet.length, lab.now),
    );
    assert.equal(DROP_NAMES[foreseen], DROP_NAMES[drop]);
    assert.equal(DROP_NAMES[lab.fromIpv6(packet)], DROP_NAMES[drop]);
  });
}

const fromClient: readonly (Case & { readonly from?: readonly [number, number] })[] = [
  { name: "a packet to a host", drop: Drop.None },
  {
    name: "a packet to a host that is not served",
    options: { served: [parseIpv6Prefix("2001:db8:7::/48")!] },
    drop: Drop.DestinationNotServed,
  },
  { name: "a packet to the link", packet: data(A2, "fe80::1"), drop: Drop.DestinationScope },
  {
    name: "a packet to another client",
    packet: data(A2, other(0)),
    drop: Drop.DestinationNotServed,
  },
  { name: "a packet of a host", packet: data(HOST, HOST), drop: Drop.SourceNotTeredo },
  { name: "a datagram of a private address", from: [0x0a000001, 1], drop: Drop.SourceNotGlobal },
  { name: "a datagram of port 0", from: [CLIENT, 0], drop: Drop.SourceNotGlobal },
  { name: "a datagram of our own", from: [RELAY, RELAY_PORT], drop: Drop.OwnAddress },
  { name: "half a packet", packet: data(A2, HOST).subarray(0, 30), drop: Drop.Truncated },
];

for (
  const { name, options, packet = data(A2, HOST), from = [CLIENT, CLIENT_PORT], drop } of fromClient
) {
  test(`Relay.foreseeFromUdp() says ${DROP_NAMES[drop]} of ${name}, as fromUdp() then does`, () => {
    const lab = new RelayLab(options);
    trust(lab, SERVED);
    const datagram = new UdpDatagram();
    datagram.setPayload(packet, 0, packet.length);
    datagram.setEnds(from[0], from[1], 0);
    const foreseen = foresee(lab, () => lab.relay.foreseeFromUdp(datagram));
    assert.equal(DROP_NAMES[foreseen], DROP_NAMES[drop]);
    const [address, port] = from;
    assert.equal(DROP_NAMES[lab.fromClient(packet, { address, port })], DROP_NAMES[drop]);
  });
}
