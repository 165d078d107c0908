import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Flag, TAPE_ENTRIES, Way } from "#src/datapath/recorder/entry.ts";
import { latestOf, type RecordedPacket } from "#src/datapath/recorder/packets.ts";
import { PacketRecorder } from "#src/datapath/recorder/recorder.ts";
import { Stop, Tape } from "#src/datapath/recorder/tape.ts";
import { Counter, makeCounters } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import type { UdpDatagram } from "#src/protocol/wire/udp_datagram.ts";
import {
  arrival,
  bubble,
  concat,
  icmpv6,
  ip4,
  nonceOnly,
  origin,
  packet,
} from "#test/protocol/packets.ts";

const A = "2001:0:cb00:7101::1";
const HOST = "2001:db8::1";
const CLIENT = ip4("203.0.113.7");
const PORT = 40_000;
const OURS = ip4("198.51.100.50");
const WALL = 1_764_386_400_000;
/** What no byte of a header here is. */
const MARK = 0xd7;
const TCP = 6;
const UDP = 17;

/** A thread's recorder, and what is on its tape. */
class Lab {
  readonly tape = new Tape();
  readonly counters = makeCounters();
  readonly memory = new Uint8Array(1 << 16);
  readonly recorder = new PacketRecorder(this.tape, this.memory, this.counters, () => WALL);
  #next = 64;

  constructor() {
    this.recorder.begin(1_000);
  }

  /** Where a copy of `bytes` lies in the memory of most packets. */
  put(bytes: Uint8Array): number {
    const at = this.#next;
    this.memory.set(bytes, at);
    this.#next += bytes.length + 64;
    return at;
  }

  datagram(bytes: Uint8Array, address = CLIENT, port = PORT): UdpDatagram {
    return arrival(this.memory, address, port, OURS, this.put(bytes), bytes.length);
  }

  /** A datagram comes and is dealt with. */
  come(bytes: Uint8Array, drop: Drop = Drop.None, passes = false): void {
    const datagram = this.datagram(bytes);
    this.recorder.came(datagram);
    if (passes) this.recorder.passed();
    this.recorder.dealtWith(datagram, drop);
  }

  get packets(): RecordedPacket[] {
    this.recorder.end();
    const all = latestOf([this.tape.copy()], TAPE_ENTRIES);
    return Array.from({ length: all.count }, (_, i) => all.at(i));
  }

  get only(): RecordedPacket {
    const [first, ...more] = this.packets;
    assert.deepEqual([first !== undefined, more.length], [true, 0]);
    return first!;
  }
}

const marked = (length: number) => new Uint8Array(length).fill(MARK);

function tcp(options: Uint8Array, payload: Uint8Array): Uint8Array {
  const b = concat(new Uint8Array(20), options, payload);
  writeU16(b, 0, 443);
  writeU32(b, 4, 0x01020304);
  b[12] = (20 + options.length) << 2;
  return packet(TCP, A, HOST, b);
}

function udp(payload: Uint8Array): Uint8Array {
  const b = concat(new Uint8Array(8), payload);
  writeU16(b, 4, b.length);
  return packet(UDP, A, HOST, b);
}

// What is kept of a packet: of each so many bytes from its first on.
const kept: readonly [string, Uint8Array, number][] = [
  ["a bubble", bubble(A, HOST), 40],
  ["UDP", udp(marked(100)), 48],
  ["TCP", tcp(new Uint8Array(0), marked(100)), 60],
  ["TCP with options", tcp(new Uint8Array(12).fill(1), marked(100)), 72],
  ["TCP with as many options as there can be", tcp(new Uint8Array(40).fill(1), marked(9)), 92],
  ["an echo request", icmpv6(128, A, HOST, concat(new Uint8Array(4), marked(56))), 48],
  [
    "an error, without the packet in it",
    icmpv6(1, HOST, A, concat(new Uint8Array(4), marked(99))),
    48,
  ],
  ["ICMPv6 of no known type", icmpv6(200, A, HOST, marked(60)), 44],
  ["a fragment", packet(44, A, HOST, concat(new Uint8Array(8), marked(60))), 48],
  ["an unknown next header", packet(253, A, HOST, marked(60)), 40],
  ["hop-by-hop options", packet(0, A, HOST, marked(60)), 40],
  ["IPv6 in IPv6", packet(41, A, HOST, udp(marked(60))), 40],
];

for (const [what, bytes, length] of kept) {
  test(`PacketRecorder keeps the headers of ${what}, and no more`, () => {
    const lab = new Lab();
    lab.come(bytes);
    lab.recorder.cameIpv6(lab.memory, lab.put(bytes), bytes.length, 1, bytes.length);
    lab.recorder.dealtWithIpv6(Drop.SourceScope);
    // Elsewhere than most: what is held, and what is made for one packet.
    lab.recorder.sent(arrival(concat(marked(3), bytes), CLIENT, PORT, OURS, 3, bytes.length));
    lab.recorder.letGo(bytes, 0, bytes.length, Drop.HoldExpired);
    lab.recorder.sentIpv6(bytes, 0, bytes.length);
    const at = lab.put(bytes);
    const message = {
      address: () => CLIENT,
      port: () => PORT,
      local: () => 0,
      datagramAt: () => at,
      datagramLength: () => bytes.length,
      lengthFrom: () => bytes.length,
    };
    lab.recorder.refused(message, 0, 0, 1, Drop.SendFailed);
    for (const packet of lab.packets) {
      assert.deepEqual(packet.headers, bytes.slice(0, length), `way ${packet.way}`);
      assert.deepEqual([packet.length, packet.ipv6At], [bytes.length, 0]);
    }
    assert.deepEqual(lab.packets.map(({ way }) => way), [
      Way.FromUdp,
      Way.FromIpv6,
      Way.ToUdp,
      Way.FromHold,
      Way.ToIpv6,
      Way.ToUdp,
    ]);
    assert.ok(!lab.tape.bytes.includes(MARK), "payload on the tape");
  });
}

const encapsulated: readonly [string, Uint8Array, number, number, number][] = [
  ["an origin indication", origin(CLIENT, PORT), Flag.Origin, 8, 48],
  ["an authentication", nonceOnly(), Flag.Authentication, 13, 53],
  ["both", concat(nonceOnly(), origin(CLIENT, PORT)), Flag.Authentication | Flag.Origin, 21, 61],
  [
    "an authentication with identifier and value, which are left out",
    concat(Uint8Array.of(0, 1, 2, 3), marked(5), marked(9)),
    Flag.LeftOut,
    0,
    40,
  ],
];

for (const [what, before, flags, ipv6At, length] of encapsulated) {
  test(`PacketRecorder keeps ${what}`, () => {
    const lab = new Lab();
    const bytes = concat(before, bubble(A, HOST));
    lab.come(bytes);
    const { headers, ...packet } = lab.only;
    assert.deepEqual([packet.flags, packet.ipv6At, packet.length], [flags, ipv6At, bytes.length]);
    assert.deepEqual(headers, bytes.slice(bytes.length - 40 - ipv6At).slice(0, length));
    assert.equal(headers.length, length);
    assert.ok(!lab.tape.bytes.includes(MARK));
  });
}

// Nothing that says that it is a header: as text begins with, or as was cut off.
const hostile: readonly [string, Uint8Array][] = [
  ["text", new TextEncoder().encode("mail from: someone; secret, secret, secret, secret, secret")],
  ["zeros, then payload", concat(new Uint8Array(2), marked(60))],
  ["a datagram cut off in its IPv6 header", concat(Uint8Array.of(0x60), marked(30))],
  ["one whose IPv6 payload is longer than it", concat(udp(marked(40)).slice(0, 60))],
  ["TCP cut off in its header", packet(TCP, A, HOST, marked(12))],
  [
    "TCP whose header would be shorter than one",
    packet(TCP, A, HOST, marked(40).fill(0x10, 12, 13)),
  ],
  ["TCP whose header would be longer than the packet", packet(TCP, A, HOST, marked(24))],
  ["UDP cut off in its header", packet(UDP, A, HOST, marked(7))],
  ["ICMPv6 cut off in its header", packet(58, A, HOST, marked(3))],
  ["a fragment cut off in its header", packet(44, A, HOST, marked(7))],
  ["a long identifier that never comes", concat(Uint8Array.of(0, 1, 255, 255), marked(60))],
  ["nothing", new Uint8Array(0)],
];

for (const [what, bytes] of hostile) {
  test(`PacketRecorder keeps no byte that is no header: ${what}`, () => {
    const lab = new Lab();
    lab.come(bytes, Drop.NotTeredo);
    lab.recorder.cameIpv6(lab.memory, lab.put(bytes), bytes.length, 1, bytes.length);
    lab.recorder.dealtWithIpv6(Drop.BadLength);
    const [first, second] = lab.packets;
    assert.deepEqual([first!.length, first!.drop], [bytes.length, Drop.NotTeredo]);
    assert.deepEqual([second!.length, second!.drop], [bytes.length, Drop.BadLength]);
    assert.ok(!lab.tape.bytes.includes(MARK), "payload on the tape");
    assert.ok(!Buffer.from(lab.tape.bytes).includes("secret"));
    if (bytes.length < 40) assert.equal(first!.headers.length, 0);
  });
}

test("PacketRecorder: whatever comes, no byte behind a header is kept", () => {
  const header = fc.record({
    next: fc.constantFrom(0, 6, 17, 41, 43, 44, 50, 58, 59, 60, 253),
    length: fc.integer({ min: 0, max: 80 }),
    offset: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(fc.property(header, ({ next, length, offset }) => {
    const lab = new Lab();
    const payload = marked(length);
    if (length > 12) payload[12] = offset;
    const bytes = packet(next, A, HOST, payload);
    lab.come(bytes);
    const { headers } = lab.only;
    // Even where nothing but marks says how long the header is.
    assert.ok(headers.length <= 40 + (next === TCP ? 52 : 8), `${headers.length}`);
    assert.deepEqual(headers, bytes.slice(0, headers.length));
  }));
});

test("PacketRecorder: what is sent on is one entry, with the end it went to", () => {
  const lab = new Lab();
  const bytes = udp(marked(20));
  const at = lab.put(bytes);
  lab.recorder.cameIpv6(lab.memory, at, bytes.length, 1, bytes.length);
  lab.recorder.sent(arrival(lab.memory, CLIENT, PORT, OURS, at, bytes.length));
  lab.recorder.dealtWithIpv6(Drop.None);
  const { headers: _, ...packet } = lab.only;
  assert.deepEqual(packet, {
    time: WALL,
    way: Way.FromIpv6,
    drop: Drop.None,
    flags: Flag.SentOn,
    address: CLIENT,
    port: PORT,
    local: OURS,
    packets: 1,
    length: 68,
    allLength: 68,
    ipv6At: 0,
  });
});

test("PacketRecorder: a bubble on a packet's account is an entry behind it", () => {
  const lab = new Lab();
  const bytes = udp(marked(20));
  lab.recorder.cameIpv6(lab.memory, lab.put(bytes), bytes.length, 1, bytes.length);
  lab.recorder.sent(arrival(bubble(HOST, A), CLIENT, PORT, 0));
  lab.recorder.dealtWithIpv6(Drop.None);
  assert.deepEqual(lab.packets.map(({ way, flags, length }) => [way, flags, length]), [
    [Way.FromIpv6, 0, 68],
    [Way.ToUdp, 0, 40],
  ]);
});

const answers: readonly [string, Uint8Array, number, number][] = [
  ["back to where it came from", bubble(HOST, A), CLIENT, Flag.Answered],
  ["on to another client", bubble(HOST, A), CLIENT + 1, Flag.SentOn],
  [
    "on to a client of our own",
    concat(origin(CLIENT, PORT), bubble(HOST, A)),
    CLIENT + 1,
    Flag.SentOn | Flag.OriginAdded,
  ],
];

for (const [what, bytes, address, flags] of answers) {
  test(`PacketRecorder: what a server sends on account of a datagram is told with it: ${what}`, () => {
    const lab = new Lab();
    const datagram = lab.datagram(bubble(A, HOST));
    lab.recorder.came(datagram, Flag.Secondary);
    lab.recorder.answered(arrival(bytes, address, PORT));
    lab.recorder.dealtWith(datagram, Drop.None);
    const { way, flags: found, headers } = lab.only;
    assert.deepEqual([way, found], [Way.FromUdp, flags | Flag.Secondary]);
    assert.deepEqual(headers, bubble(A, HOST));
  });
}

test("PacketRecorder: a super-packet is one entry with its packets and all their bytes", () => {
  const lab = new Lab();
  const bytes = tcp(new Uint8Array(0), marked(3_000));
  const at = lab.put(bytes);
  lab.recorder.cameIpv6(lab.memory, at, bytes.length, 3, bytes.length + 120);
  lab.recorder.sent(arrival(lab.memory, CLIENT, PORT, OURS, at, bytes.length));
  lab.recorder.dealtWithIpv6(Drop.None);
  const { packets, length, allLength } = lab.only;
  assert.deepEqual([packets, length, allLength], [3, 3_060, 3_180]);
});

/** Datagrams that lie end to end, as the kernel gives a run. */
function run(lab: Lab, lengths: readonly number[], drops: readonly Drop[], passes = true): void {
  const parts = lengths.map((length) => udp(marked(length)));
  let at = lab.put(concat(...parts));
  parts.forEach(({ length }, i) => {
    const datagram = arrival(lab.memory, CLIENT, PORT, OURS, at, length);
    lab.recorder.came(datagram);
    if (passes && drops[i] === Drop.None) lab.recorder.passed();
    lab.recorder.dealtWith(datagram, drops[i]!);
    at += length;
  });
}

const runs: readonly [string, readonly Drop[], readonly (readonly [number, Drop, number])[]][] = [
  ["all passed", [0, 0, 0], [[3, 0, Flag.Passed]]],
  ["all dropped", [15, 15, 15], [[3, 15, 0]]],
  ["one dropped among others", [0, 0, 30, 0], [[2, 0, Flag.Passed], [1, 30, 0], [
    1,
    0,
    Flag.Passed,
  ]]],
];

for (const [what, drops, entries] of runs) {
  test(`PacketRecorder: a run of datagrams is one entry for each verdict: ${what}`, () => {
    const lab = new Lab();
    run(lab, drops.map(() => 100), drops);
    const told = lab.packets.map(({ packets, drop, flags }) => [packets, drop, flags]);
    assert.deepEqual(told, entries);
    const all = lab.packets.reduce((sum, { allLength }) => sum + allLength, 0);
    assert.equal(all, drops.length * 148);
  });
}

test("PacketRecorder: datagrams that lie apart, or of another turn, are entries of their own", () => {
  const lab = new Lab();
  lab.come(udp(marked(10)));
  lab.come(udp(marked(10)));
  run(lab, [10], [Drop.None]);
  lab.recorder.end();
  lab.recorder.begin(2_000);
  run(lab, [10], [Drop.None]);
  assert.equal(lab.packets.length, 4);
});

test("PacketRecorder: the oldest entries give way", () => {
  const lab = new Lab();
  for (let i = 0; i < 3 * TAPE_ENTRIES; i++) {
    lab.recorder.sent(arrival(bubble(HOST, A), i, PORT, 0));
  }
  const { packets } = lab;
  assert.equal(packets.at(-1)!.address, 3 * TAPE_ENTRIES - 1);
  assert.ok(packets.length > 0.95 * TAPE_ENTRIES && packets.length <= TAPE_ENTRIES);
  assert.ok(packets.every(({ address }, i) => address === packets[0]!.address + i));
});

test("PacketRecorder stops at a burst of drops, and goes on when that was taken", () => {
  const lab = new Lab();
  for (let i = 0; i < 99; i++) lab.come(bubble(A, HOST), Drop.UnknownPeer);
  lab.recorder.end();
  assert.equal(lab.tape.stopped, Stop.No);
  lab.come(bubble(A, HOST), Drop.UnknownPeer);
  lab.recorder.end();
  assert.equal(lab.tape.stopped, Stop.Drops);
  lab.recorder.begin(1_100);
  lab.come(bubble(A, HOST));
  assert.equal(lab.packets.length, 100);
  lab.tape.release();
  lab.recorder.begin(1_200);
  lab.come(bubble(A, HOST));
  assert.equal(lab.packets.length, 101);
});

test("PacketRecorder does not stop for the drops that there always are, nor twice in a minute", () => {
  const lab = new Lab();
  const stops: number[] = [];
  const second = (at: number, drops: number) => {
    lab.recorder.begin(at * 1_000);
    for (let i = 0; i < drops; i++) lab.recorder.letGo(lab.memory, 0, 40, Drop.HoldFull);
    lab.recorder.end();
    if (lab.tape.stopped === Stop.No) return;
    stops.push(at);
    lab.tape.release();
  };
  for (let at = 2; at < 600; at++) second(at, at === 400 ? 5_000 : 300);
  // At first nobody knows what is usual; then it is known.
  assert.deepEqual(stops.filter((at) => at > 200), [400]);
  assert.ok(stops.every((at, i) => i === 0 || at - stops[i - 1]! >= 60), stops.join());
});

test("PacketRecorder stops when a peer is given up", () => {
  const lab = new Lab();
  lab.come(bubble(A, HOST));
  lab.recorder.end();
  assert.equal(lab.tape.stopped, Stop.No);
  lab.counters[Counter.peers_failed]! += 1;
  lab.recorder.begin(1_001);
  lab.recorder.end();
  assert.equal(lab.tape.stopped, Stop.PeerFailed);
  assert.equal(lab.packets.length, 1);
});

test("latestOf() puts the packets of several threads in the order of time", () => {
  const labs = [new Lab(), new Lab()];
  for (let i = 0; i < 50; i++) {
    const { recorder } = labs[i % 3 === 0 ? 0 : 1]!;
    recorder.begin(1_000 + i);
    recorder.sent(arrival(bubble(HOST, A), i, PORT, 0));
    recorder.end();
  }
  const copies = labs.map(({ tape }) => tape.copy());
  const all = latestOf(copies, 1_000);
  const addresses = (packets: typeof all) =>
    Array.from({ length: packets.count }, (_, i) => packets.at(i).address);
  assert.deepEqual(addresses(all), Array.from({ length: 50 }, (_, i) => i));
  assert.deepEqual(addresses(latestOf(copies, 3)), [47, 48, 49]);
  assert.deepEqual(addresses(latestOf(copies, 1_000, WALL + 45)), [45, 46, 47, 48, 49]);
  assert.equal(latestOf(copies, 1_000, WALL + 51).count, 0);
  assert.equal(latestOf([], 10).count, 0);
});
