import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { copyBytes, readU16, writeU16 } from "#src/protocol/wire/bytes.ts";
import { addPseudoHeader, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { fold, makePlainSum, makeSum, type Sum } from "#src/segments/checksum.ts";
import { MAX_HEADER_LENGTH, MAX_SEGMENTS, SuperPacket } from "#src/segments/super_packet.ts";
import { CWR, FIN, PSH, URG } from "#src/segments/transport.ts";
import { change, concat } from "#test/protocol/packets.ts";
import { ACK, bytes, tcp, type TcpParts, udp, withExtensions } from "./packets.ts";

const memory = new WebAssembly.Memory({ initial: 3, maximum: 3 });
const u8 = new Uint8Array(memory.buffer);
const sum = makeSum(memory);
const AT = 1_001;

const FIELD = { [NEXT_HEADER_TCP]: 16, [NEXT_HEADER_UDP]: 6 } as const;
type Transport = keyof typeof FIELD;

/** A packet as the kernel hands it over: its checksum is only that of the pseudo-header. */
function unfinished(b: Uint8Array, transport: Transport): Uint8Array {
  writeU16(b, 40 + FIELD[transport], fold(addPseudoHeader(b, 0, 0)));
  return b;
}

function parse(
  b: Uint8Array,
  transport: number,
  segmentSize: number,
  transportAt = 40,
  by: Sum = sum,
): SuperPacket | undefined {
  u8.fill(0xee);
  u8.set(b, AT);
  const packet = new SuperPacket(by);
  return packet.parse(u8, AT, b.length, transport, transportAt, segmentSize) ? packet : undefined;
}

/** Each segment as a packet of its own. */
function segments(packet: SuperPacket): Uint8Array[] {
  return Array.from({ length: packet.count }, (_, i) => {
    const segment = new Uint8Array(packet.lengthOf(i));
    packet.writeHeader(i, segment, 0);
    copyBytes(segment, packet.headerLength, u8, packet.payloadAt(i), packet.payloadLength(i));
    return segment;
  });
}

function split(b: Uint8Array, transport: number, segmentSize: number, transportAt = 40) {
  const packet = parse(b, transport, segmentSize, transportAt);
  assert.ok(packet !== undefined);
  return segments(packet);
}

/** What a sender without offloads would have made of `parts`. */
function segmentsOf(parts: TcpParts, size: number): Uint8Array[] {
  const { payload, sequence = 1_000, flags = ACK } = parts;
  const count = Math.ceil(payload!.length / size);
  return Array.from({ length: count }, (_, i) => {
    const ends = i === count - 1 ? 0 : FIN | PSH;
    return tcp({
      ...parts,
      sequence: (sequence + i * size) >>> 0,
      flags: flags & ~ends & ~(i > 0 ? CWR : 0),
      payload: payload!.subarray(i * size, (i + 1) * size),
    });
  });
}

for (
  const [what, parts, size] of [
    ["equal segments", { payload: bytes(3_000) }, 1_000],
    ["a shorter last segment", { payload: bytes(2_500) }, 1_000],
    ["odd segments", { payload: bytes(1_000) }, 333],
    ["a single segment", { payload: bytes(1_000) }, 1_000],
    ["one byte each", { payload: bytes(5) }, 1],
    ["FIN and PSH, on the last only", { payload: bytes(300), flags: ACK | PSH | FIN }, 100],
    ["CWR, on the first only", { payload: bytes(300), flags: ACK | CWR }, 100],
    ["CWR and PSH of a single segment", { payload: bytes(9), flags: ACK | CWR | PSH }, 100],
    ["URG, which all keep", { payload: bytes(9), flags: ACK | URG, urgentPointer: 7 }, 4],
    ["a sequence number past 2^32", { payload: bytes(300), sequence: 0xffff_ff9c }, 100],
    ["options", { payload: bytes(300), options: bytes(40) }, 100],
    ["traffic class and flow label", {
      payload: bytes(300),
      trafficClass: 0xff,
      flowLabel: 0xf_ffff,
    }, 100],
    ["the longest payload", { payload: bytes(65_515) }, 1_220],
  ] as const satisfies readonly (readonly [string, TcpParts, number])[]
) {
  test(`SuperPacket splits TCP with ${what}`, () => {
    const whole = unfinished(tcp(parts), NEXT_HEADER_TCP);
    assert.deepEqual(split(whole, NEXT_HEADER_TCP, size), segmentsOf(parts, size));
  });
}

for (const [length, size] of [[3_000, 1_000], [2_500, 1_000], [7, 2], [65_527, 1_232]] as const) {
  test(`SuperPacket splits ${length} bytes of UDP into ${size} each`, () => {
    const payload = bytes(length);
    const whole = unfinished(udp({ payload }), NEXT_HEADER_UDP);
    const expected = Array.from(
      { length: Math.ceil(length / size) },
      (_, i) => udp({ payload: payload.subarray(i * size, (i + 1) * size) }),
    );
    assert.deepEqual(split(whole, NEXT_HEADER_UDP, size), expected);
  });
}

test("a UDP checksum that comes out as 0 is sent as 0xffff", () => {
  const payload = Uint8Array.of(0, 0, 1, 2);
  // What is missing in the first datagram's checksum goes into its payload.
  writeU16(payload, 0, readU16(udp({ payload: payload.subarray(0, 2) }), 46));
  const [first] = split(unfinished(udp({ payload }), NEXT_HEADER_UDP), NEXT_HEADER_UDP, 2);
  assert.equal(readU16(first!, 46), 0xffff);
  assert.equal(payloadChecksum(first!, 0), 0);
});

test("the pseudo-header sum in the packet is not trusted where it can be made", () => {
  const parts = { payload: bytes(300) };
  const whole = tcp(parts);
  writeU16(whole, 56, 0x1234);
  assert.deepEqual(split(whole, NEXT_HEADER_TCP, 100), segmentsOf(parts, 100));
});

test("extension headers go before each segment, and a routing header's destination is summed", () => {
  const parts = { payload: bytes(300) };
  // Destination options with a PadN of 4 bytes; then the packet goes by way of another node.
  const options = Uint8Array.of(NEXT_HEADER_TCP, 0, 1, 4, 0, 0, 0, 0);
  const on = (b: Uint8Array) => {
    const longer = withExtensions(b, 60, options);
    longer[39]! ^= 0x55;
    return longer;
  };
  const whole = on(unfinished(tcp(parts), NEXT_HEADER_TCP));
  assert.deepEqual(split(whole, NEXT_HEADER_TCP, 100, 48), segmentsOf(parts, 100).map(on));
});

/** Nobody says where the transport header is: the checksum is whatever somebody has verified. */
for (const transport of [NEXT_HEADER_TCP, NEXT_HEADER_UDP] as const) {
  const make = (payload: Uint8Array, at = 0) =>
    transport === NEXT_HEADER_TCP ? tcp({ payload, sequence: 1_000 + at }) : udp({ payload });
  const pad = (next: number) => Uint8Array.of(next, 0, 1, 4, 0, 0, 0, 0);
  const headers: readonly { what: string; on: (b: Uint8Array) => Uint8Array }[] = [
    { what: "no extension header", on: (b) => b },
    { what: "hop-by-hop options", on: (b) => withExtensions(b, 0, pad(transport)) },
    {
      what: "hop-by-hop and destination options",
      on: (b) => withExtensions(b, 0, concat(pad(60), pad(transport))),
    },
  ];
  for (const { what, on } of headers) {
    test(`SuperPacket finds the transport header ${transport} behind ${what}`, () => {
      const payload = bytes(1_050);
      const expected = [0, 500, 1_000].map((at) => on(make(payload.subarray(at, at + 500), at)));
      assert.deepEqual(split(on(make(payload)), transport, 500, 0), expected);
    });
  }

  const whole = make(bytes(1_050));
  const odd: readonly (readonly [string, Uint8Array])[] = [
    ["a routing header", withExtensions(whole, 43, pad(transport))],
    ["a fragment header", withExtensions(whole, 44, pad(transport))],
    ["another transport", change(whole, 6, 58)],
    ["options without end", withExtensions(whole, 60, Uint8Array.of(60, 255, 0, 0, 0, 0, 0, 0))],
    ["nothing but a header", change(whole, 6, 0).subarray(0, 43)],
  ];
  for (const [what, packet] of odd) {
    test(`SuperPacket finds no transport header ${transport} behind ${what}`, () => {
      assert.equal(parse(packet, transport, 500, 0), undefined);
    });
  }
}

test("SuperPacket agrees with a sender without offloads, by either sum", () => {
  const input = [
    fc.record({
      payload: fc.uint8Array({ minLength: 1, maxLength: 4_000 }),
      sequence: fc.nat(0xffff_ffff),
      acknowledgment: fc.nat(0xffff_ffff),
      flags: fc.nat(0xff),
      window: fc.nat(0xffff),
      urgentPointer: fc.nat(0xffff),
      options: fc.nat(10).map((words) => bytes(4 * words, words)),
      trafficClass: fc.nat(0xff),
      hopLimit: fc.nat(0xff),
    }),
    fc.integer({ min: 1, max: 1_500 }),
    fc.constantFrom(sum, makePlainSum(memory)),
  ] as const;
  fc.assert(fc.property(...input, (parts, size, by) => {
    const packet = parse(unfinished(tcp(parts), NEXT_HEADER_TCP), NEXT_HEADER_TCP, size, 40, by);
    const got = segments(packet!);
    assert.deepEqual(got, segmentsOf(parts, size));
    for (const segment of got) assert.equal(payloadChecksum(segment, 0), 0);
  }));
});

/** A packet with one thing about it that does not fit. */
function changed(b: Uint8Array, at: number, value: number): Uint8Array {
  b[at] = value;
  return b;
}

for (
  const [what, b, transport, size, transportAt] of [
    ["a segment size of 0", tcp(), NEXT_HEADER_TCP, 0, 40],
    ["neither TCP nor UDP", tcp(), 58, 100, 40],
    ["no payload", tcp({ payload: bytes(0) }), NEXT_HEADER_TCP, 100, 40],
    ["no UDP payload", udp({ payload: bytes(0) }), NEXT_HEADER_UDP, 100, 40],
    ["a TCP header of 16 bytes", changed(tcp(), 52, 0x40), NEXT_HEADER_TCP, 100, 40],
    ["a TCP header beyond the packet", changed(tcp({ payload: bytes(39) }), 52, 0xf0), 6, 100, 40],
    ["a payload length that is too long", changed(tcp(), 5, 121), NEXT_HEADER_TCP, 100, 40],
    ["a payload length that is too short", changed(tcp(), 5, 119), NEXT_HEADER_TCP, 100, 40],
    ["IPv4", changed(tcp(), 0, 0x45), NEXT_HEADER_TCP, 100, 40],
    ["a transport header inside the IPv6 header", tcp(), NEXT_HEADER_TCP, 100, 39],
    ["a transport header past the end", tcp(), NEXT_HEADER_TCP, 100, 65_535],
    ["a transport header cut off", tcp(), NEXT_HEADER_TCP, 100, 141],
    ["headers without end", tcp({ payload: bytes(900) }), 17, 100, MAX_HEADER_LENGTH - 7],
    ["no bytes at all", new Uint8Array(0), NEXT_HEADER_TCP, 100, 40],
    ["half an IPv6 header", tcp().slice(0, 20), NEXT_HEADER_TCP, 100, 40],
    ["one segment too many", tcp({ payload: bytes(MAX_SEGMENTS + 1) }), NEXT_HEADER_TCP, 1, 40],
    ["a byte in each segment", tcp({ payload: bytes(65_000) }), NEXT_HEADER_TCP, 1, 40],
    ["a byte in each datagram", udp({ payload: bytes(65_000) }), NEXT_HEADER_UDP, 1, 40],
  ] as const
) {
  test(`SuperPacket refuses ${what}`, () => {
    assert.equal(parse(b, transport, size, transportAt), undefined);
  });
}

test("SuperPacket takes as many segments as there may be, and the smallest that TCP sends", () => {
  const most = parse(tcp({ payload: bytes(2 * MAX_SEGMENTS) }), NEXT_HEADER_TCP, 2, 40);
  assert.equal(most?.count, MAX_SEGMENTS);
  const smallest = 48 - 12; // TCP_MIN_SND_MSS of Linux, less timestamps
  const whole = parse(tcp({ payload: bytes(65_500) }), NEXT_HEADER_TCP, smallest, 40);
  assert.equal(whole?.count, Math.ceil(65_500 / smallest));
});

test("SuperPacket takes the longest headers there may be", () => {
  const packet = parse(tcp({ payload: bytes(900) }), NEXT_HEADER_UDP, 100, MAX_HEADER_LENGTH - 8);
  assert.equal(packet?.headerLength, MAX_HEADER_LENGTH);
});

test("whatever is parsed, segments lie in the packet and are as many as their bytes need", () => {
  const input = [
    fc.uint8Array({ maxLength: 700 }),
    fc.boolean(),
    fc.constantFrom(6, 17, 0),
    fc.oneof(fc.constant(40), fc.nat(0xffff)),
    fc.oneof(fc.nat(30), fc.nat(0xffff)),
  ] as const;
  fc.assert(
    fc.property(...input, (b, mend, transport, transportAt, size) => {
      if (mend && b.length >= 53) {
        b[0] = 0x60;
        b[52]! |= 0x50;
        writeU16(b, 4, b.length - 40);
      }
      const packet = parse(b, transport, size, transportAt);
      if (packet === undefined) return;
      let at = AT + packet.headerLength;
      for (let i = 0; i < packet.count; i++) {
        assert.equal(packet.payloadAt(i), at);
        assert.ok(packet.payloadLength(i) > 0 && packet.payloadLength(i) <= size);
        at += packet.payloadLength(i);
      }
      assert.equal(at, AT + b.length);
      const out = new Uint8Array(MAX_HEADER_LENGTH + 1).fill(0xdd);
      for (let i = 0; i < packet.count; i++) packet.writeHeader(i, out, 0);
      assert.ok(out.subarray(packet.headerLength).every((byte) => byte === 0xdd));
    }),
    { numRuns: 500 },
  );
});
