import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { writeU16 } from "#src/protocol/wire/bytes.ts";
import { addPseudoHeader } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { fold } from "#src/segments/checksum.ts";
import { MAX_RUN } from "#src/segments/run.ts";
import { CWR, FIN, PSH, RST, SYN, URG } from "#src/segments/transport.ts";
import { change } from "#test/protocol/packets.ts";
import { join, type Joined, segmentsOf, split } from "./joined.ts";
import { ACK, bytes, tcp, udp, withExtensions } from "./packets.ts";

/** One thing that a sender or the network does next. */
interface Event {
  readonly flow: number;
  readonly kind: "data" | "data" | "ack" | "flags" | "options" | "header" | "odd" | "again";
  readonly count: number;
  readonly size: number;
  readonly last: number;
  readonly value: number;
  /** What happens on the way to the packets of this event. */
  readonly fate: "none" | "lost" | "damaged" | "swapped" | "extended" | "flush";
  readonly which: number;
}

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

/** Every second flow is UDP. */
const isUdp = (flow: number) => flow % 2 === 1;
const ports = (flow: number) => [flow >> 2, 443 + ((flow >> 1) & 1)] as const;

/** Senders of all flows: what each has sent so far. */
class Senders {
  readonly #sequences = new Array<number>(12).fill(0xffff_f000);
  readonly #acknowledgments = new Array<number>(12).fill(0);

  packets(it: Event): Uint8Array[] {
    if (isUdp(it.flow)) {
      return this.#sizes(it).map((length, i) => {
        const payload = bytes(length, it.value + i);
        const b = udp({ ports: ports(it.flow), payload, ...headerOf(it, i) });
        return it.kind === "flags" ? change(change(b, 46, 0), 47, 0) : b; // no checksum
      });
    }
    if (it.kind === "ack") this.#acknowledgments[it.flow]! += it.value;
    const sizes = it.kind === "ack" ? [0] : this.#sizes(it);
    return sizes.map((length, i) => {
      const sequence = this.#sequences[it.flow]! >>> 0;
      this.#sequences[it.flow] = (sequence + length) >>> 0;
      return tcp({
        ports: ports(it.flow),
        sequence,
        acknowledgment: this.#acknowledgments[it.flow]! >>> 0,
        payload: bytes(length, it.value + i),
        flags: i === it.which % it.count ? flagsOf(it) : ACK,
        options: it.kind === "options" ? bytes(4 * (it.value % 11), it.value) : bytes(12),
        ...headerOf(it, i),
      });
    });
  }

  #sizes(it: Event): number[] {
    return Array.from({ length: it.count }, (_, i) => i < it.count - 1 ? it.size : it.last);
  }
}

function flagsOf(it: Event): number {
  if (it.kind !== "flags") return ACK;
  return ACK | [FIN, PSH, CWR, 0x40, SYN, RST, URG, FIN | PSH, CWR | PSH][it.value % 9]!;
}

function headerOf(it: Event, i: number) {
  if (it.kind !== "header" || i !== it.which % it.count) return {};
  const parts = [{ hopLimit: 9 }, { trafficClass: 2 }, { flowLabel: 5 }, { window: 1 }];
  return parts[it.value % parts.length]!;
}

const DESTINATION_OPTIONS = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);

/** What arrives of `packets`. */
function travelled(packets: Uint8Array[], { fate, which, value }: Event): Uint8Array[] {
  const arrived = packets.slice();
  const i = which % arrived.length;
  const b = arrived[i]!;
  if (fate === "lost") arrived.splice(i, 1);
  if (fate === "swapped") arrived.push(...arrived.splice(i, 1));
  if (fate === "damaged") arrived[i] = change(b, value % b.length, b[value % b.length]! ^ 0x20);
  if (fate === "extended") {
    arrived[i] = withExtensions(b, 60, change(DESTINATION_OPTIONS, 0, b[6]!));
  }
  return arrived;
}

interface Traffic {
  readonly batches: readonly (readonly Uint8Array[])[];
  /** By the packet's bytes in hexadecimal. Damage may make another flow of one: it is then -1. */
  readonly flows: ReadonlyMap<string, number>;
}

const hex = (b: Uint8Array) => b.toHex();

function trafficOf(events: readonly Event[]): Traffic {
  const senders = new Senders();
  const flows = new Map<string, number>();
  const batches: Uint8Array[][] = [[]];
  for (const it of events) {
    const arrived = travelled(senders.packets(it), it);
    for (const b of arrived) flows.set(hex(b), it.fate === "damaged" ? -1 : it.flow);
    batches.at(-1)!.push(...arrived);
    if (it.fate === "flush") batches.push([]);
  }
  return { batches, flows };
}

function assertSame(traffic: Traffic, joined: readonly Joined[]): void {
  const sent = traffic.batches.flat().map(hex);
  const got = joined.flatMap(split).map(hex);
  assert.deepEqual(got.toSorted(), sent.toSorted());
  for (const flow of new Set(traffic.flows.values())) {
    if (flow === -1) continue;
    const of = (list: readonly string[]) => list.filter((it) => traffic.flows.get(it) === flow);
    assert.deepEqual(of(got), of(sent), `flow ${flow}`);
  }
}

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
