import assert from "node:assert/strict";
import test from "node:test";
import { readU16, readU32, writeU16 } from "#src/protocol/wire/bytes.ts";
import { addPseudoHeader } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { fold } from "#src/segments/checksum.ts";
import { OPEN_RUNS } from "#src/segments/join.ts";
import { MAX_RUN } from "#src/segments/run.ts";
import { CWR, FIN, PSH, RST, SYN, URG } from "#src/segments/transport.ts";
import { bubble, change, icmpv6 } from "#test/protocol/packets.ts";
import { checksumField, join, type Joined, split } from "./joined.ts";
import {
  ACK,
  bytes,
  FROM,
  sealed,
  tcp,
  type TcpParts,
  TO,
  udp,
  withExtensions,
} from "./packets.ts";

const SIZE = 100;

/** Segment `i` of a stream of {@link SIZE} bytes each. */
function segment(i: number, parts: TcpParts = {}): Uint8Array {
  return tcp({ sequence: 1_000 + i * SIZE, payload: bytes(SIZE, i), ...parts });
}

function datagram(i: number, parts: TcpParts = {}): Uint8Array {
  return udp({ payload: bytes(SIZE, i), ...parts });
}

/** A packet that arrived damaged: the last byte of its payload is another. */
function damaged(b: Uint8Array): Uint8Array {
  return change(b, b.length - 1, b.at(-1)! ^ 1);
}

/**
 * A packet of {@link SIZE} bytes whose checksum is zero in the form that senders do not write: TCP
 * 0xffff, UDP 0.
 */
function otherZero(make: typeof tcp, sequence: number, field: number): Uint8Array {
  const payload = bytes(SIZE);
  writeU16(payload, 0, 0);
  // What is missing in the checksum goes into the payload.
  writeU16(payload, 0, readU16(make({ sequence, payload }), field));
  const packet = make({ sequence, payload });
  const zero = readU16(packet, field);
  assert.ok(zero === 0 || zero === 0xffff);
  writeU16(packet, field, ~zero & 0xffff);
  return packet;
}

const counts = (joined: readonly Joined[]) => joined.map(({ count }) => count);

/** Each packet went into a run of the given length, and comes out of it bit for bit, in order. */
function assertJoined(packets: readonly Uint8Array[], expected: readonly number[], udp = true) {
  const joined = join([packets], udp);
  assert.deepEqual(counts(joined), expected);
  assert.deepEqual(joined.flatMap(split), packets);
}

test("a run is one packet with the first one's header, ready for a kernel to segment", () => {
  const packets = [0, 1, 2].map((i) => segment(i, i === 2 ? { flags: ACK | PSH } : {}));
  const [joined, ...others] = join([packets]);
  assert.deepEqual(others, []);
  const { packet, ...told } = joined!;
  assert.deepEqual(told, {
    packets,
    count: 3,
    transport: NEXT_HEADER_TCP,
    transportAt: 40,
    headerLength: 60,
    segmentSize: SIZE,
    hasCwr: false,
  });
  assert.equal(readU16(packet, 4), 20 + 3 * SIZE);
  assert.equal(readU32(packet, 44), 1_000);
  assert.equal(packet[53], ACK | PSH);
  assert.equal(checksumField(joined!), fold(addPseudoHeader(packet, 0, 0)));
  assert.deepEqual(packet.slice(60), Uint8Array.from(packets.flatMap((it) => [...it.slice(60)])));
});

test("a run of UDP has the length and the pseudo-header sum of all its datagrams", () => {
  const packets = [0, 1, 2].map((i) => datagram(i));
  const [joined, ...others] = join([packets]);
  assert.deepEqual(others, []);
  const { packet, ...told } = joined!;
  assert.deepEqual(told, {
    packets,
    count: 3,
    transport: NEXT_HEADER_UDP,
    transportAt: 40,
    headerLength: 48,
    segmentSize: SIZE,
    hasCwr: false,
  });
  assert.equal(readU16(packet, 4), 8 + 3 * SIZE);
  assert.equal(readU16(packet, 44), 8 + 3 * SIZE);
  assert.equal(checksumField(joined!), fold(addPseudoHeader(packet, 0, 0)));
});

const short = (i: number, length: number, parts: TcpParts = {}) =>
  segment(i, { payload: bytes(length, i), ...parts });

for (
  const [what, packets, expected] of [
    ["one packet alone", [segment(0)], [1]],
    ["contiguous segments", [segment(0), segment(1), segment(2), segment(3)], [4]],
    ["a sequence number past 2^32", [
      segment(0, { sequence: 0xffff_ff38 }),
      segment(0, { sequence: 0xffff_ff9c }),
      segment(0, { sequence: 0 }),
      segment(0, { sequence: 100 }),
    ], [4]],
    ["a shorter last one, which ends the run", [segment(0), short(1, 99), segment(2)], [2, 1]],
    ["one that is longer", [segment(0), short(1, 101)], [1, 1]],
    ["what follows a longer one", [segment(0), short(1, 200), short(3, 200)], [1, 2]],
    ["a gap", [segment(0), segment(2), segment(3)], [1, 2]],
    ["a repetition", [segment(0), segment(1), segment(1), segment(2)], [2, 2]],
    ["segments in reverse order", [segment(2), segment(1), segment(0)], [1, 1, 1]],
    ["PSH, which ends a run", [segment(0), segment(1, { flags: ACK | PSH }), segment(2)], [2, 1]],
    ["FIN, which ends a run", [segment(0), segment(1, { flags: ACK | FIN }), segment(2)], [2, 1]],
    ["PSH on the first, which is alone", [segment(0, { flags: ACK | PSH }), segment(1)], [1, 1]],
    ["CWR on the first", [segment(0, { flags: ACK | CWR }), segment(1), segment(2)], [3]],
    ["CWR on another, which begins a run", [
      segment(0),
      segment(1, { flags: ACK | CWR }),
      segment(2),
    ], [1, 2]],
    ["CWR on all", [0, 1, 2].map((i) => segment(i, { flags: ACK | CWR })), [1, 1, 1]],
    ["ECE on all", [0, 1, 2].map((i) => segment(i, { flags: ACK | 0x40 })), [3]],
    ["ECE on one", [segment(0), segment(1, { flags: ACK | 0x40 }), segment(2)], [1, 1, 1]],
    ["no ACK on one", [segment(0), segment(1, { flags: 0 })], [1, 1]],
    ["SYN", [0, 1, 2].map((i) => segment(i, { flags: ACK | SYN })), [1, 1, 1]],
    ["RST", [0, 1, 2].map((i) => segment(i, { flags: ACK | RST })), [1, 1, 1]],
    ["URG", [0, 1, 2].map((i) => segment(i, { flags: ACK | URG })), [1, 1, 1]],
    ["an urgent pointer without URG", [segment(0), segment(1, { urgentPointer: 1 })], [1, 1]],
    ["another acknowledgment", [segment(0), segment(1, { acknowledgment: 1 })], [1, 1]],
    ["another window", [segment(0), segment(1, { window: 513 })], [1, 1]],
    ["another hop limit", [segment(0), segment(1, { hopLimit: 63 })], [1, 1]],
    ["another traffic class", [segment(0), segment(1, { trafficClass: 3 })], [1, 1]],
    ["another flow label", [segment(0), segment(1, { flowLabel: 1 })], [1, 1]],
    ["equal options", [0, 1, 2].map((i) => segment(i, { options: bytes(12) })), [3]],
    ["other options", [segment(0, { options: bytes(12) }), segment(1, { options: bytes(12, 2) })], [
      1,
      1,
    ]],
    ["more options", [segment(0), segment(1, { options: bytes(4) })], [1, 1]],
    ["the bits beside the data offset", [
      segment(0),
      sealed(change(segment(1), 52, 0x51), 40, 16),
    ], [1, 1]],
    ["payloads of one byte", [0, 1, 2].map((i) => short(0, 1, { sequence: i })), [3]],
    ["an acknowledgment without payload, which goes after what came before it", [
      segment(0),
      segment(1),
      tcp({ payload: bytes(0), sequence: 1_200 }),
      segment(2),
    ], [2, 1, 1]],
    ["a damaged first", [damaged(segment(0)), segment(1), segment(2)], [1, 2]],
    ["a damaged one between", [segment(0), segment(1), damaged(segment(2)), segment(3)], [2, 1, 1]],
    ["damaged ones only", [0, 1, 2].map((i) => damaged(segment(i))), [1, 1, 1]],
    ["a checksum of 0", [segment(0), change(change(segment(1), 56, 0), 57, 0)], [1, 1]],
    [
      "data offsets below 5",
      [0, 1].map((i) =>
        sealed(
          change(
            short(0, 100, {
              sequence: 104 * i,
            }),
            52,
            0x40,
          ),
          40,
          16,
        )
      ),
      [1, 1],
    ],
    ["a checksum of 0xffff, which means 0", [segment(0), otherZero(tcp, 1_100, 56)], [1, 1]],
    ["a data offset beyond the packet", [
      segment(0),
      sealed(change(short(1, 39), 52, 0xf0), 40, 16),
    ], [1, 1]],
    ["a packet that says it is longer", [segment(0), change(segment(1), 5, 121)], [1, 1]],
    ["a packet that says it is shorter", [segment(0), change(segment(1), 5, 119)], [1, 1]],
    ["a packet cut off in its TCP header", [segment(0), change(segment(1).slice(0, 59), 5, 19)], [
      1,
      1,
    ]],
    ["a packet cut off in its ports", [segment(0), change(segment(1).slice(0, 43), 5, 3)], [1, 1]],
    ["a packet cut off in its IPv6 header", [segment(0), segment(1).slice(0, 39)], [1, 1]],
    ["an empty packet", [segment(0), new Uint8Array(0), segment(1)], [1, 1, 1]],
    ["IPv4", [segment(0), change(segment(1), 0, 0x45)], [1, 1]],
  ] as const satisfies readonly (readonly [string, readonly Uint8Array[], readonly number[]])[]
) {
  test(`Joiner, TCP: ${what}`, () => assertJoined(packets, expected));
}

for (
  const [what, packets, expected] of [
    ["equal datagrams", [0, 1, 2, 3].map((i) => datagram(i)), [4]],
    ["a shorter last one, which ends the run", [
      datagram(0),
      datagram(1, { payload: bytes(7) }),
      datagram(2, { payload: bytes(7) }),
    ], [2, 1]],
    ["a longer one", [datagram(0), datagram(1, { payload: bytes(101) })], [1, 1]],
    ["no payload", [datagram(0), datagram(1, { payload: bytes(0) }), datagram(2)], [1, 1, 1]],
    ["another hop limit", [datagram(0), datagram(1, { hopLimit: 63 })], [1, 1]],
    ["another traffic class", [datagram(0), datagram(1, { trafficClass: 1 })], [1, 1]],
    ["another flow label", [datagram(0), datagram(1, { flowLabel: 1 })], [1, 1]],
    ["a checksum of 0, which would be right", [datagram(0), otherZero(udp, 0, 46)], [1, 1]],
    ["no checksum", [0, 1].map((i) => change(change(datagram(i), 46, 0), 47, 0)), [1, 1]],
    ["a damaged one", [datagram(0), datagram(1), damaged(datagram(2)), datagram(3)], [2, 1, 1]],
    ["a UDP length that is too short", [
      datagram(0),
      sealed(change(datagram(1), 45, 107), 40, 6),
    ], [1, 1]],
    ["a UDP length that is too long", [
      datagram(0),
      sealed(change(datagram(1), 45, 109), 40, 6),
    ], [1, 1]],
    ["a datagram cut off in its ports", [
      datagram(0),
      change(datagram(1).slice(0, 43), 5, 3),
    ], [1, 1]],
    ["a datagram cut off in its header", [
      datagram(0),
      change(datagram(1).slice(0, 47), 5, 7),
    ], [1, 1]],
  ] as const satisfies readonly (readonly [string, readonly Uint8Array[], readonly number[]])[]
) {
  test(`Joiner, UDP: ${what}`, () => assertJoined(packets, expected));
}

test("UDP stays single where it is not wanted, and ends no run of TCP", () => {
  const joined = join([[segment(0), datagram(0), datagram(1), segment(1)]], false);
  assert.deepEqual(counts(joined), [1, 1, 2]);
});

test("hasCwr is told of a run whose first segment has it", () => {
  const joined = join([[segment(0, { flags: ACK | CWR }), segment(1)], [segment(2), segment(3)]]);
  assert.deepEqual(joined.map(({ hasCwr }) => hasCwr), [true, false]);
});

for (
  const [what, other] of [
    ["source", { from: "2001:0:c633:6401:0:b5a6:3f57:fe9c" }],
    ["destination", { to: "2001:db8:1::3" }],
    ["source port", { ports: [40_001, 443] }],
    ["destination port", { ports: [40_000, 444] }],
    // Told apart by the whole flow, not by what it is looked up by.
    ["source and destination that cancel out", {
      from: "2001:0:c633:6401:0:b5a6:3f57:fe9f",
      to: "2001:db8:1::",
    }],
  ] as const satisfies readonly (readonly [string, TcpParts])[]
) {
  test(`another ${what} is another flow, joined beside the first`, () => {
    const mixed = [0, 1, 2].flatMap((i) => [segment(i), segment(i, other)]);
    const joined = join([mixed]);
    assert.deepEqual(counts(joined), [3, 3]);
    const isFirst = (_: unknown, i: number) => i % 2 === 0;
    assert.deepEqual(joined.flatMap(split), [
      ...mixed.filter(isFirst),
      ...mixed.filter((it, i) => !isFirst(it, i)),
    ]);
  });
}

test("TCP and UDP of equal ports are two flows", () => {
  const joined = join([[segment(0), datagram(0), segment(1), datagram(1)]]);
  assert.deepEqual(joined.map(({ transport, count }) => [transport, count]), [
    [NEXT_HEADER_TCP, 2],
    [NEXT_HEADER_UDP, 2],
  ]);
});

test(`one flow more than ${OPEN_RUNS} puts an open run out, and no packet is lost`, () => {
  const flows = Array.from({ length: OPEN_RUNS + 1 }, (_, flow) => flow);
  const packets = [0, 1].flatMap((i) => flows.map((flow) => segment(i, { ports: [flow, 443] })));
  const joined = join([packets]);
  const ports = (b: Uint8Array) => readU16(b, 40);
  for (const flow of flows) {
    const of = (list: readonly Uint8Array[]) => list.filter((b) => ports(b) === flow);
    assert.deepEqual(of(joined.flatMap(split)), of(packets));
  }
  const eight = join([packets.filter((b) => ports(b) < OPEN_RUNS)]);
  assert.deepEqual(counts(eight), flows.slice(1).map(() => 2));
});

test("open runs are put out by turns, the first one first", () => {
  const ports = (b: Uint8Array) => readU16(b, 40);
  const packets = Array.from(
    { length: OPEN_RUNS + 3 },
    (_, flow) => segment(0, { ports: [flow, 443] }),
  );
  const out = join([packets]).slice(0, 3).map(({ packet }) => ports(packet));
  assert.deepEqual(out, [0, 1, 2]);
});

test("an acknowledgment without options ends its own flow's run, and no other", () => {
  const [one, two] = [{ ports: [1, 443] }, { ports: [2, 443] }] as const;
  const acknowledgment = tcp({ ...one, sequence: 1_000 + SIZE, payload: bytes(0) });
  const packets = [segment(0, one), segment(0, two), acknowledgment, segment(1, two)];
  const joined = join([packets]);
  assert.deepEqual(counts(joined), [1, 1, 2]);
  assert.deepEqual(joined.flatMap(split).map((b) => readU16(b, 40)), [1, 1, 2, 2]);
});

test("what is no IPv6 ends the runs of all flows, as it may be of any", () => {
  const [one, two] = [{ ports: [1, 443] }, { ports: [2, 443] }] as const;
  const other = change(segment(0, two), 0, 0x50);
  assert.deepEqual(counts(join([[segment(0, one), other, segment(1, one)]])), [1, 1, 1]);
});

const hopByHop = Uint8Array.of(NEXT_HEADER_TCP, 0, 1, 4, 0, 0, 0, 0);
const fragment = Uint8Array.of(NEXT_HEADER_TCP, 0, 0, 1, 0, 0, 0, 9);
for (
  const [what, unusual, counted] of [
    ["an extension header", withExtensions(segment(1), 0, hopByHop), [2, 1, 1]],
    ["a fragment", withExtensions(segment(1), 44, fragment), [2, 1, 1]],
    ["another protocol", change(segment(1), 6, 132), [2, 1, 1]],
    ["another version of IP", change(segment(1), 0, 0x50), [2, 1, 1]],
  ] as const
) {
  test(`${what} is single, and everything that came before it goes first`, () => {
    const packets = [segment(0), segment(1), unusual, segment(2)];
    assertJoined(packets, counted);
    assertJoined([unusual, unusual], [1, 1]);
  });
}

for (
  const [what, unusual] of [
    ["ICMPv6", icmpv6(128, FROM, TO, bytes(40))],
    ["a bubble", bubble(FROM, TO)],
  ] as const
) {
  test(`${what} is single, and ends no run`, () => {
    const joined = join([[segment(0), unusual, segment(1)]]);
    assert.deepEqual(joined.map(({ count, packet }) => [count, packet[6]]), [
      [1, unusual[6]],
      [2, NEXT_HEADER_TCP],
    ]);
    assert.deepEqual(joined[0]!.packet, unusual);
  });
}

test("a run ends with the batch", () => {
  assert.deepEqual(counts(join([[segment(0), segment(1)], [segment(2)], []])), [2, 1]);
});

test(`a run has ${MAX_RUN} segments at most`, () => {
  const packets = Array.from({ length: 2 * MAX_RUN + 1 }, (_, i) => segment(i));
  assertJoined(packets, [MAX_RUN, MAX_RUN, 1]);
});

for (
  const [what, payload, last, expected] of [
    // 20 of them are the TCP header's.
    ["one byte more than fits", 1_455, 41, [45, 1]],
    ["as much as fits", 1_455, 40, [46]],
    ["whole segments", 16_383, 16_383, [3, 1]],
  ] as const
) {
  test(`a run's payload is at most 65,535 bytes: ${what}`, () => {
    const whole = expected.reduce((sum, it) => sum + it, 0) - 1;
    const packets = Array.from({ length: whole + 1 }, (_, i) => {
      const length = i < whole ? payload : last;
      return tcp({ sequence: i * payload, payload: bytes(length, i) });
    });
    assertJoined(packets, expected);
  });
}

test("the longest packet there is goes through alone", () => {
  const longest = tcp({ payload: bytes(65_515) });
  assertJoined([longest, segment(0)], [1, 1]);
});

test("a single packet is handed over as it came, wrong checksum and all", () => {
  const wrong = segment(0);
  writeU16(wrong, 56, readU16(wrong, 56) ^ 0xffff);
  assert.deepEqual(join([[wrong]])[0]!.packet, wrong);
});
