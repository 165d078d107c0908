import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { addPseudoHeader } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { fold } from "#src/segments/checksum.ts";
import { MAX_RUN } from "#src/segments/run.ts";
import { CWR, FIN, PSH } from "#src/segments/transport.ts";
import { join, type Joined, segmentsOf, split } from "./joined.ts";
import { ACK, bytes, tcp, udp } from "./packets.ts";
import { assertSame, type Event, hex, trafficOf } from "./traffic.ts";

const event: fc.Arbitrary<Event> = fc.record({
  flow: fc.nat(11),
  kind: fc.constantFrom("data", "data", "data", "data", "ack", "flags", "options", "header", "odd"),
  count: fc.integer({ min: 1, max: 9 }),
  size: fc.constantFrom(1, 2, 3, 37, 100, 536, 1_220),
  last: fc.nat(1_220),
  value: fc.nat(0xffff),
  fate: fc.constantFrom("none", "none", "none", "lost", "damaged", "swapped", "extended", "flush"),
  which: fc.nat(8),
});

const events = fc.array(event, { maxLength: 40 });

test("split after join gives what went in: bit for bit, each flow in its order", {
  timeout: 600_000,
}, () => {
  let runs = 0;
  fc.assert(
    fc.property(events, fc.boolean(), (list, udpToo) => {
      const traffic = trafficOf(list);
      const joined = join(traffic.batches, udpToo);
      runs += joined.filter(({ count }) => count > 1).length;
      assertSame(traffic, joined);
    }),
    { numRuns: 400 },
  );
  assert.ok(runs > 400, `only ${runs} runs were joined: this shows nothing`);
});

test("no run has a segment whose checksum was wrong, or one that the others do not agree with", () => {
  fc.assert(
    fc.property(events, (list) => {
      for (const { count, packet, segmentSize, headerLength } of join(trafficOf(list).batches)) {
        assert.ok(count >= 1 && count <= MAX_RUN);
        if (count === 1) continue;
        const payload = packet.length - headerLength;
        assert.equal(Math.ceil(payload / segmentSize), count);
        assert.ok(packet.length - 40 <= 0xffff);
        const field = packet[6] === NEXT_HEADER_TCP ? 56 : 46;
        assert.equal(
          (packet[field]! << 8) | packet[field + 1]!,
          fold(addPseudoHeader(packet, 0, 0)),
        );
      }
    }),
    { numRuns: 200 },
  );
});

test("join after split gives the super-packet again", () => {
  const input = [
    fc.boolean(),
    fc.integer({ min: 20, max: 1_400 }),
    fc.integer({ min: 2, max: 40 }),
    fc.nat(19),
    fc.constantFrom(ACK, ACK | PSH, ACK | FIN, ACK | CWR, ACK | CWR | PSH, ACK | 0x40),
    fc.nat(0xffff_ffff),
    fc.nat(10),
  ] as const;
  fc.assert(fc.property(...input, (isTcp, segmentSize, count, less, flags, sequence, words) => {
    const payload = bytes(segmentSize * count - less, sequence);
    const packet = isTcp
      ? tcp({ payload, flags, sequence, options: bytes(4 * words) })
      : udp({ payload });
    writeU16(packet, isTcp ? 56 : 46, fold(addPseudoHeader(packet, 0, 0)));
    const whole: Omit<Joined, "packets"> = {
      count,
      packet,
      transport: isTcp ? NEXT_HEADER_TCP : NEXT_HEADER_UDP,
      transportAt: 40,
      headerLength: isTcp ? 60 + 4 * words : 48,
      segmentSize,
      hasCwr: isTcp && (flags & CWR) !== 0,
    };
    const packets = segmentsOf(whole);
    assert.deepEqual(join([packets]), [{ ...whole, packets }]);
  }));
});

test("whatever is offered comes out as it was, alone or in a run", () => {
  const packet = fc.tuple(
    fc.uint8Array({ maxLength: 120 }),
    fc.boolean(),
    fc.constantFrom(0, 6, 17, 43, 44, 58, 59, 60),
  ).map(([b, mend, nextHeader]) => {
    if (!mend || b.length < 40) return b;
    b[0] = 0x60;
    b[6] = nextHeader;
    writeU16(b, 4, b.length - 40);
    return b;
  });
  fc.assert(
    fc.property(fc.array(fc.array(packet, { maxLength: 20 }), { maxLength: 4 }), (batches) => {
      const got = join(batches).flatMap(split).map(hex);
      assert.deepEqual(got.toSorted(), batches.flat().map(hex).toSorted());
    }),
    { numRuns: 300 },
  );
});
