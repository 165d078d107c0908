import assert from "node:assert/strict";
import { copyBytes, readU16, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";
import { addPseudoHeader, payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { NEXT_HEADER_TCP, NEXT_HEADER_UDP } from "#src/protocol/wire/ipv6.ts";
import { fold, makeSum } from "#src/segments/checksum.ts";
import { MAX_RUN } from "#src/segments/run.ts";
import { MAX_SEGMENTS, SuperPacket } from "#src/segments/super_packet.ts";
import { CWR, FIN, PSH } from "#src/segments/transport.ts";
import { join } from "#test/segments/joined.ts";
import { ACK, bytes, tcp, udp } from "#test/segments/packets.ts";
import { assertSame, type Event, trafficOf } from "#test/segments/traffic.ts";
import { Choices } from "../engine/choices.ts";
import type { Target } from "../engine/target.ts";

const EVENT = 10;
const KINDS = ["data", "data", "data", "ack", "flags", "options", "header", "odd"] as const;
const FATES = ["none", "none", "lost", "damaged", "swapped", "extended", "flush", "none"] as const;
const SIZES = [1, 2, 3, 37, 100, 536, 1_220, 0];

/** Traffic of twelve flows, joined and split again; or a super-packet, split as RFC 9293 has it. */
export const target: Target = {
  name: "segments",
  unit: EVENT,
  most: 1 + 20 * EVENT,
  seeds: () => [
    Uint8Array.of(0, 0, 0, 5, 4, 1, 0, 0, 7, 0, 0, 0, 0, 5, 4, 1, 0, 0, 8, 0, 0),
    Uint8Array.of(1, 1, 0, 5, 4, 1, 0, 0, 7, 0, 0, 2, 3, 3, 4, 1, 0, 0, 8, 3, 1),
    Uint8Array.of(2, 0, 0, 100, 9, 0, 0x18, 0, 0, 0, 0, 3, 0),
    Uint8Array.of(2, 1, 0, 100, 9, 0, 0, 0, 0, 0, 0, 0, 0),
  ],
  open: () => {
    const splitter = new Splitter();
    const choices = new Choices();
    return (input) => {
      const c = choices.take(input);
      const mode = c.u8() % 3;
      if (mode === 2) splitter.check(c);
      else joinAndSplit(c, mode === 1);
    };
  },
};

function joinAndSplit(c: Choices, udpToo: boolean): void {
  const events: Event[] = [];
  while (c.left > 0) events.push(eventOf(c));
  const traffic = trafficOf(events);
  const joined = join(traffic.batches, udpToo);
  assertSame(traffic, joined);
  for (const { count, packet, segmentSize, headerLength } of joined) {
    assert.ok(count >= 1 && count <= MAX_RUN);
    if (count === 1) continue;
    assert.ok(udpToo || packet[6] === NEXT_HEADER_TCP);
    assert.equal(Math.ceil((packet.length - headerLength) / segmentSize), count);
    assert.ok(packet.length - 40 <= 0xffff);
    // The kernel makes the checksum right: of what was wrong it would make right as well.
    const field = packet[6] === NEXT_HEADER_TCP ? 56 : 46;
    assert.equal(readU16(packet, field), fold(addPseudoHeader(packet, 0, 0)));
  }
}

function eventOf(c: Choices): Event {
  const flow = c.u8() % 12;
  const kind = KINDS[c.u8() % KINDS.length]!;
  const count = 1 + c.u8() % 9;
  const size = SIZES[c.u8() % SIZES.length]!;
  const last = c.u16() % 1_221;
  const value = c.u16();
  const fate = FATES[c.u8() % FATES.length]!;
  return { flow, kind, count, size: Math.max(1, size), last, value, fate, which: c.u8() % 9 };
}

const PAGES = 3;
const AT = 5;

/** Splits one super-packet, by the program and by hand. */
class Splitter {
  readonly #memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  readonly #arena = new Uint8Array(this.#memory.buffer);
  readonly #parsed = new SuperPacket(makeSum(this.#memory));
  readonly #out = new Uint8Array(70_000);

  check(c: Choices): void {
    const isTcp = c.u8() % 2 === 0;
    const segmentSize = c.u16();
    const length = c.u16() % (c.u8() < 16 ? 40_000 : 3_000);
    const [flags, words, sequence, sum] = [c.u8(), c.u8() % 11, c.u8(), c.u8()];
    const payload = bytes(length, sequence);
    const packet = isTcp
      ? tcp({ payload, flags: flags | ACK, sequence: sequence << 24, options: bytes(4 * words) })
      : udp({ payload });
    writeU16(packet, isTcp ? 56 : 46, fold(addPseudoHeader(packet, 0, 0)));
    while (c.left >= 2) packet[c.u8() % packet.length] = c.u8();
    const transport = isTcp ? NEXT_HEADER_TCP : NEXT_HEADER_UDP;
    const transportAt = sum & 1 ? 0 : sum & 2 ? sum >> 1 : 40;
    this.#arena.set(packet, AT);
    this.#arena.fill(0xee, AT + packet.length, AT + packet.length + 64);
    const isOne = this.#parsed.parse(
      this.#arena,
      AT,
      packet.length,
      transport,
      transportAt,
      segmentSize,
    );
    // Told another place, it splits at that one: by hand, only what is right behind IPv6's header.
    const isPlain = packet[6] === transport && (transportAt === 0 || transportAt === 40);
    if (isOne) this.#compare(packet, isTcp, isPlain, segmentSize);
  }

  #compare(packet: Uint8Array, isTcp: boolean, isPlain: boolean, segmentSize: number): void {
    const { count, headerLength } = this.#parsed;
    assert.ok(count >= 1 && count <= MAX_SEGMENTS);
    let at = AT + headerLength;
    for (let i = 0; i < count; i++) {
      assert.equal(this.#parsed.payloadAt(i), at, "payloads lie side by side");
      const length = this.#parsed.payloadLength(i);
      assert.ok(length > 0 && (i === count - 1 ? length <= segmentSize : length === segmentSize));
      at += length;
      this.#parsed.writeHeader(i, this.#out, 0);
      assert.equal(readU16(this.#out, 4), headerLength + length - 40);
      if (isPlain && headerLength < 120) this.#segment(packet, i, isTcp, segmentSize, length);
    }
    assert.equal(at, AT + packet.length, "payloads are all of the packet");
  }

  /** The header by hand: RFC 9293 §3.1, RFC 3168 §6.1.2, RFC 768. Behind IPv6's alone. */
  #segment(packet: Uint8Array, i: number, isTcp: boolean, size: number, length: number): void {
    const { count, headerLength } = this.#parsed;
    const own = new Uint8Array(headerLength + length);
    copyBytes(own, 0, packet, 0, headerLength);
    copyBytes(own, headerLength, packet, headerLength + i * size, length);
    writeU16(own, 4, own.length - 40);
    if (isTcp) {
      writeU32(own, 44, readU32(packet, 44) + i * size);
      if (i < count - 1) own[53]! &= ~(FIN | PSH);
      if (i > 0) own[53]! &= ~CWR;
    } else writeU16(own, 44, own.length - 40);
    const field = isTcp ? 56 : 46;
    writeU16(own, field, 0);
    const checksum = payloadChecksum(own, 0);
    writeU16(own, field, checksum === 0 && !isTcp ? 0xffff : checksum);
    for (let k = 0; k < headerLength; k++) assert.equal(this.#out[k], own[k], `header byte ${k}`);
  }
}
