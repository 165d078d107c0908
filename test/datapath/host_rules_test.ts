import assert from "node:assert/strict";
import test from "node:test";
import { type HostOptions, HostRules } from "#src/datapath/loop/host_rules.ts";
import { Way } from "#src/protocol/client/peers/ways.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { PeerSearch } from "#src/protocol/peers/query.ts";
import { PEER_ROW_LENGTH, PeerRows } from "#src/protocol/peers/row.ts";
import type { TunnelSink } from "#src/protocol/tunnel.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import {
  assertDrop,
  CLIENT_OPTIONS,
  endOf,
  PEER,
  PEER_AT,
  sipHash,
} from "#test/protocol/client/lab.ts";
import { arrival, bubble, ip4, teredo } from "#test/protocol/packets.ts";
import { data, type RelaySent, tokenOf } from "#test/protocol/relay/lab.ts";
import { toHex } from "#test/protocol/vectors.ts";

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

  constructor(options: HostOptions) {
    const hashes = { client: sipHash(1), relay: sipHash(2) };
    const host = { openPort: () => 0, closePort: () => {} };
    this.rules = new HostRules(options, this.counters, hashes, 7, host);
    this.rules.start(options, this.now, this.sink);
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

/** Ways of those that are told of, in order. */
function listed(rules: HostRules): readonly number[] {
  const rows = new PeerRows(new ArrayBuffer(8 * PEER_ROW_LENGTH), 0, 8);
  const search = new PeerSearch();
  search.askIpv6(new Uint8Array(16), 0);
  const { listing } = rules;
  listing.written = 0;
  listing.look(search, 0, 64, rows, 8, 1_000_000);
  return Array.from({ length: listing.written }, (_, i) => rows.read(i).way).toSorted();
}
