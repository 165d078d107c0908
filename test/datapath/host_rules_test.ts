import assert from "node:assert/strict";
import test from "node:test";
import { type HostHashes, type HostOptions, HostRules } from "#src/datapath/loop/host_rules.ts";
import { Way } from "#src/protocol/client/peers/ways.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { PeerSearch } from "#src/protocol/peers/query.ts";
import { PEER_ROW_LENGTH, type PeerRow, PeerRows } from "#src/protocol/peers/row.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  advertisement,
  assertDrop,
  CLIENT_OPTIONS,
  endOf,
  MAPPED_AT,
  PEER,
  PEER_AT,
  sipHash,
} from "#test/protocol/client/lab.ts";
import { arrival, bubble, ip4, teredo } from "#test/protocol/packets.ts";
import { data, type RelaySent, tokenOf } from "#test/protocol/relay/lab.ts";
import { fromHex, SERVER, toHex } from "#test/protocol/vectors.ts";

const OWN = "2001:db8:5::7";
const PREFIX = [parseIpv6Prefix(`${OWN}/128`)!];
const CLIENT: HostOptions = CLIENT_OPTIONS;
const RELAYING: HostOptions = { ...CLIENT_OPTIONS, servers: [], relayedFor: PREFIX };
const PEER_SERVER = { address: ip4("198.51.100.118"), port: 3_544 };

class Lab {
  readonly counters = makeCounters();
  readonly rules: HostRules;
  now = 1_000_000;
  sent: RelaySent[] = [];
  readonly sink: TunnelSink = {
    sendDatagram: ({ bytes, at, length, address, port, local }) =>
      void this.sent.push({
        to: `${formatIpv4(address)}:${port}`,
        hex: toHex(bytes, at, length),
        local,
      }),
    sendIpv6: (b, at, length) => void this.sent.push({ to: "ipv6", hex: toHex(b, at, length) }),
    sendIcmpv6Error: (b, at, length) =>
      void this.sent.push({ to: "icmpv6", hex: toHex(b, at, length) }),
  };

  /** Questions to the hash that the relay goes by. */
  asked = 0;

  constructor(options: HostOptions, isStarted = true) {
    const relay = sipHash(2);
    const hashes: HostHashes = {
      client: sipHash(1),
      relay: (message) => {
        this.asked++;
        return relay(message);
      },
    };
    const host = { openPort: () => 0, closePort: () => {} };
    this.rules = new HostRules(options, this.counters, hashes, 7, host);
    if (isStarted) this.rules.start(options, this.now, this.sink);
    this.sent = [];
  }

  set(options: HostOptions): this {
    this.rules.set(options, this.now, this.sink);
    return this;
  }

  transmit(bytes: Uint8Array): Drop {
    this.sent = [];
    return this.rules.fromIpv6(bytes, 0, bytes.length, this.now, this.sink);
  }

  receive(bytes: Uint8Array, { address, port } = PEER_AT, path = 0): Drop {
    this.sent = [];
    const frame = new Uint8Array(64 + bytes.length + 32);
    frame.set(bytes, 64);
    const came = arrival(frame, address, port, path, 64, bytes.length);
    return this.rules.fromUdp(came, this.now, this.sink);
  }

  /** Lets time pass, with all timers on their way. */
  advance(milliseconds: number): void {
    this.sent = [];
    const end = this.now + milliseconds;
    for (let next = this.rules.nextTimer(); next <= end; next = this.rules.nextTimer()) {
      this.now = Math.max(this.now, next);
      this.rules.tick(this.now, this.sink);
    }
    this.now = end;
  }

  /** The client's server has answered. @returns the client's address */
  qualify(): { readonly address: Uint8Array } {
    const from = { address: SERVER, port: 3_544 };
    this.set({ ...CLIENT, renewals: 1 });
    const asked = fromHex((this.sent.at(-1)! as { readonly hex: string }).hex);
    assertDrop(this.receive(advertisement(asked, MAPPED_AT, SERVER), from), Drop.None);
    return { address: this.rules.status().address! };
  }

  /** The peer has answered: packets of its pass both ways. */
  meet(): this {
    assertDrop(this.transmit(data(OWN, PEER)), Drop.None);
    assertDrop(this.receive(bubble(PEER, tokenOf(this.sent))), Drop.None);
    return this;
  }

  get to(): string[] {
    return this.sent.map(({ to }) => to);
  }
}

test("HostRules relays between its host's own address and a client, by both bubbles (H-01, H-03, H-04)", () => {
  const lab = new Lab(CLIENT).set(RELAYING);
  const packet = data(OWN, PEER);
  assertDrop(lab.transmit(packet), Drop.None);
  assert.deepEqual(lab.to.toSorted(), [endOf(PEER_AT), endOf(PEER_SERVER)].toSorted());
  assertDrop(lab.receive(bubble(PEER, tokenOf(lab.sent))), Drop.None);
  assert.deepEqual(lab.sent, [{ to: endOf(PEER_AT), hex: toHex(packet), local: 0 }]);
  const back = data(PEER, OWN);
  assertDrop(lab.receive(back), Drop.None);
  assert.deepEqual(lab.sent, [{ to: "ipv6", hex: toHex(back) }]);
  assert.equal(lab.rules.isOpen(packet, 0, packet.length, lab.now), true);
});

test("HostRules relays for nobody but its host (H-03)", () => {
  const lab = new Lab(CLIENT).set(RELAYING).meet();
  assertDrop(lab.transmit(data("2001:db8:5::8", PEER)), Drop.SourceNotServed);
  assertDrop(lab.receive(data(PEER, "2001:db8:5::8")), Drop.DestinationNotServed);
  const moved = [parseIpv6Prefix("2001:db8:5::8/128")!];
  lab.set({ ...RELAYING, relayedFor: moved });
  assertDrop(lab.transmit(data("2001:db8:5::8", PEER)), Drop.None);
  assertDrop(lab.receive(data(PEER, OWN)), Drop.DestinationNotServed);
});

test("HostRules sends nothing of its own accord while it relays: there is no server to keep (H-08)", () => {
  const lab = new Lab(CLIENT).set(RELAYING);
  lab.advance(600_000);
  assert.deepEqual(lab.sent, []);
});

test("HostRules takes no native host's packets out of the tunnel while it relays (H-09)", () => {
  const lab = new Lab(CLIENT).set(RELAYING).meet();
  assert.notEqual(lab.receive(data("2001:db8:9::1", OWN)), Drop.None);
  assert.deepEqual(lab.to.filter((it) => it === "ipv6"), []);
});

test("HostRules is a client again, and asks its servers", () => {
  const lab = new Lab(CLIENT).set(RELAYING).meet();
  lab.sent = [];
  lab.set({ ...CLIENT, renewals: 1 });
  assert.deepEqual(lab.to, ["65.54.227.120:3544"]);
  assertDrop(lab.transmit(data(OWN, PEER)), Drop.NotQualified);
});

test("HostRules gives what waits for a peer up in its time, also when it is a client again", () => {
  const lab = new Lab(CLIENT).set(RELAYING);
  assertDrop(lab.transmit(data(OWN, PEER)), Drop.None);
  assert.equal(lab.rules.gauges.heldPackets, 1);
  lab.set({ ...CLIENT, renewals: 1 });
  const before = lab.counters[Counter.icmpv6_errors_sent]!;
  lab.advance(60_000);
  assert.equal(lab.counters[Counter.icmpv6_errors_sent]! - before, 1);
});

test("HostRules leaves datagrams at other ports to the client, who has opened them", () => {
  const lab = new Lab(CLIENT).set(RELAYING).meet();
  assert.notEqual(lab.receive(data(PEER, OWN), PEER_AT, 3), Drop.None);
  assert.deepEqual(lab.sent, []);
});

test("HostRules is a client until it is told what it is, and makes no relay before there is a need (H-01)", () => {
  const lab = new Lab(CLIENT, false);
  assert.equal(lab.rules.gauges.peers, 0);
  assertDrop(lab.transmit(data(OWN, PEER)), Drop.NotQualified);
  lab.rules.start(CLIENT, lab.now, lab.sink);
  lab.set({ ...CLIENT, renewals: 1 });
  assert.equal(lab.asked, 0, "whose table would be as large as the client's");
  lab.set(RELAYING);
  assert.ok(lab.asked > 0);
});

test("HostRules counts each packet to a peer once, and tells of no round trip that it has not measured", () => {
  const lab = new Lab({ ...CLIENT, maxPeers: 2 }).set({ ...RELAYING, maxPeers: 2 }).meet();
  const other = { address: ip4("192.0.2.77"), port: 7_000 };
  assertDrop(lab.transmit(data(OWN, PEER)), Drop.None);
  assertDrop(lab.transmit(data(OWN, teredo(other.address, other.port))), Drop.None);
  const rows = rowsOf(lab.rules);
  assert.deepEqual(rows.map(({ mappedAddress }) => mappedAddress), [
    PEER_AT.address,
    other.address,
  ]);
  assert.deepEqual(rows.map(({ sentPackets }) => sentPackets), [2, 0]);
  assert.deepEqual(rows.map(({ roundTrip }) => roundTrip), [0, 0]);
});

test("HostRules tells of the relay's peers while it relays, and of the client's after that", () => {
  const lab = new Lab(CLIENT).set(RELAYING).meet();
  lab.transmit(data(OWN, teredo(ip4("192.0.2.77"), 7_000)));
  const { peers, trusted, ways } = lab.rules.gauges;
  assert.deepEqual({ peers, trusted }, { peers: 2, trusted: 1 });
  assert.deepEqual([ways[Way.ClientDirect], ways[Way.ClientNone]], [1, 1]);
  assert.deepEqual(listed(lab.rules), [Way.ClientNone, Way.ClientDirect]);
  lab.set(CLIENT);
  assert.equal(lab.rules.gauges.peers, 0);
  assert.deepEqual(listed(lab.rules), []);
});

test("HostRules says in advance what it would do, as what it is at that moment", () => {
  const lab = new Lab(CLIENT);
  const packet = data(OWN, PEER);
  const foreseen = () => lab.rules.foreseeFromIpv6(packet, 0, packet.length, lab.now);
  assertDrop(foreseen(), Drop.NotQualified);
  lab.set(RELAYING);
  assertDrop(foreseen(), Drop.None);
});

test("HostRules keeps who hears of held packets, and broadcast addresses, for the relay it becomes", () => {
  const lab = new Lab(CLIENT);
  const heard: unknown[] = [];
  lab.rules.onLetGo = (...held) => heard.push(held);
  lab.rules.setBroadcasts([PEER_AT.address]);
  lab.set(RELAYING);
  assert.notEqual(lab.transmit(data(OWN, PEER)), Drop.None);
  lab.transmit(data(OWN, teredo(ip4("192.0.2.77"), 7_000)));
  lab.advance(60_000);
  assert.equal(heard.length, 1);
});

test("HostRules sends nothing to a subnet's broadcast address, be it a client or a relay (C-43, H-03)", () => {
  const broadcast = teredo(PEER_AT.address, PEER_AT.port, PEER_SERVER.address);
  const relay = new Lab(CLIENT).set(RELAYING);
  relay.rules.setBroadcasts([PEER_AT.address]);
  assertDrop(relay.transmit(data(OWN, broadcast)), Drop.MappedAddressNotGlobal);
  const client = new Lab(CLIENT);
  const { address } = client.qualify();
  client.rules.setBroadcasts([PEER_AT.address]);
  assertDrop(client.transmit(data(address, broadcast)), Drop.MappedAddressNotGlobal);
  client.rules.setBroadcasts([]);
  assertDrop(client.transmit(data(address, broadcast)), Drop.None);
});

test("HostRules answers forged sources by no more than a host's limits: 100 new peers and 500 bubbles a second (H-03)", () => {
  const lab = new Lab(CLIENT).set(RELAYING);
  let bubbles = 0;
  for (let i = 0; i < 2_000; i++) {
    lab.transmit(data(OWN, teredo(ip4("192.0.2.0") + (i & 0xff), 1_024 + i)));
    bubbles += lab.sent.length;
  }
  assert.equal(lab.rules.gauges.peers, 64, "the table is this small");
  assert.ok(bubbles > 0 && bubbles <= 500, `${bubbles} bubbles at once`);
});

interface Limit {
  readonly what: string;
  /** So many at once, as many more in a second, and how many of them each attempt takes. */
  readonly atOnce: number;
  readonly rate: number;
  readonly cost: number;
  /** Somewhat more often than the limit lets them pass. */
  readonly every: number;
  readonly attempt: (lab: Lab, i: number) => void;
}

/** No two have an IPv4 address in common. */
const apart = (i: number) => ip4("198.18.0.0") + 2 * i;
const peerApart = (i: number, server = apart(i) + 1) => teredo(apart(i), 1_024, server);
/** Each of another provider, so that none uses up what is another's. */
const source = (i: number) => `2${i.toString(16).padStart(3, "0")}:db8::1`;

/** docs/limits.md. Half of a bubbles' rate may go at once, a quarter of it to peers that were trusted. */
const LIMITS: readonly Limit[] = [
  {
    what: "100 new peers a second for one network",
    atOnce: 100,
    rate: 100,
    cost: 1,
    every: 9,
    attempt: (lab, i) => lab.transmit(data(OWN, peerApart(i))),
  },
  {
    what: "500 bubbles a second",
    atOnce: 500 / 2 * 3 / 4,
    rate: 500 / 2,
    cost: 2,
    every: 7,
    attempt: (lab, i) => lab.transmit(data(source(i), peerApart(i))),
  },
  {
    what: "200 bubbles a second to one IPv4 address",
    atOnce: 200 / 2 * 3 / 4,
    rate: 200 / 2,
    cost: 1,
    every: 9,
    attempt: (lab, i) => lab.transmit(data(source(i), peerApart(i, PEER_SERVER.address))),
  },
  {
    what: "100 bubbles a second to strangers",
    atOnce: 100,
    rate: 100,
    cost: 1,
    every: 9,
    attempt: (lab, i) => lab.receive(data(peerApart(i), OWN), { address: apart(i), port: 1_024 }),
  },
];

for (const { what, atOnce, rate, cost, every, attempt } of LIMITS) {
  test(`HostRules relays within a host's limits: ${what} (H-03)`, () => {
    const relayedFor = [parseIpv6Prefix("2000::/3")!];
    const lab = new Lab(CLIENT).set({ ...RELAYING, relayedFor });
    let passed = 0;
    for (; passed < 4_000; passed++) {
      attempt(lab, passed);
      if (lab.to.every((to) => to === "icmpv6")) break;
      lab.now += every;
    }
    // As many as have been there at the beginning, or have come since.
    const want = (atOnce - cost) / (cost - rate * every / 1_000);
    assert.ok(
      Math.abs(passed - want) <= 2,
      `${passed}, not ${want}, passed before the first was not`,
    );
  });
}

/** Ways of those that are told of, in order. */
const listed = (rules: HostRules) => rowsOf(rules).map(({ way }) => way).toSorted();

function rowsOf(rules: HostRules): readonly PeerRow[] {
  const rows = new PeerRows(new ArrayBuffer(8 * PEER_ROW_LENGTH), 0, 8);
  const search = new PeerSearch();
  search.askIpv6(new Uint8Array(16), 0);
  const { listing } = rules;
  listing.written = 0;
  listing.look(search, 0, 64, rows, 8, 1_000_000);
  return Array.from({ length: listing.written }, (_, i) => rows.read(i));
}
