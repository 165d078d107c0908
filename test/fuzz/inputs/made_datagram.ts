import { copyBytes, writeU16 } from "#src/protocol/wire/bytes.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { writeIpv6Header } from "#src/protocol/wire/ipv6.ts";
import { Drop } from "#src/protocol/drops.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { concat, nonceOnly, origin } from "#test/protocol/packets.ts";
import { fromHex, RELAY, RELAY_PORT, vector } from "#test/protocol/vectors.ts";
import type { Choices } from "../engine/choices.ts";

/** Room in front of a datagram, and behind it. */
export const HEADROOM = 64;
export const ROOM = 2_048;

const EMPTY = new Uint8Array(0);
/** What may stand before the IPv6 packet. */
const BEFORE: readonly Uint8Array[] = [
  EMPTY,
  EMPTY,
  nonceOnly(),
  vector("X1").slice(0, 38),
  origin(RELAY, RELAY_PORT),
  concat(nonceOnly(), origin(RELAY, RELAY_PORT)),
  fromHex("0001"),
  fromHex("0001ffff"),
];
/** And behind it. RFC 6081 §4 */
const TRAILERS: readonly Uint8Array[] = [
  EMPTY,
  EMPTY,
  EMPTY,
  fromHex("0104deadbeef"),
  fromHex("030800000a0000020fa0"),
  fromHex("0404000000000502 0fa0"),
  fromHex("7f00"),
  fromHex("01ff"),
];
const NEXT_HEADERS = [59, 58, 58, 17, 6, 44, 0, 60];
const TYPES = [133, 128, 129, 134, 1, 2, 3, 137, 135, 136, 133, 128];
const HOP_LIMITS = [255, 64, 1, 0];

/** Bits of what is done to a datagram that is made. */
const RIGHT_CHECKSUM = 1;
const ODD_HOP_LIMIT = 2;
const CODE = 4;
const DAMAGED = 8;
const LENGTH_WRONG = 16;
const CUT = 32;
const SOUND_AFTERWARDS = 64;

/**
 * A datagram as an event of 12 bytes says: what is right in most of its parts, and then damaged.
 * Made anew in the same memory each time, at {@link HEADROOM}.
 */
export class MadeDatagram {
  readonly bytes: Uint8Array = new Uint8Array(HEADROOM + ROOM + 64);
  length = 0;
  readonly #datagram = new TeredoDatagram();

  make(c: Choices, from: Uint8Array, to: Uint8Array): void {
    const b = this.bytes;
    const before = BEFORE[c.u8() % BEFORE.length]!;
    const next = NEXT_HEADERS[c.u8() % NEXT_HEADERS.length]!;
    const type = TYPES[c.u8() % TYPES.length]!;
    const size = c.u8();
    const bits = c.u8();
    const trailers = TRAILERS[c.u8() % TRAILERS.length]!;
    const [at1, value1, at2, value2] = [c.u8(), c.u8(), c.u8(), c.u8()];
    let at = HEADROOM;
    b.set(before, at);
    at += before.length;
    const ipv6 = at;
    const payload = next === 59 && size < 0xf0 ? 0 : size < 0xf0 ? size : 4 * size;
    writeIpv6Header(b, at, payload, next, bits & ODD_HOP_LIMIT ? HOP_LIMITS[size & 3]! : 255);
    copyBytes(b, at + 8, from, 0, 16);
    copyBytes(b, at + 24, to, 0, 16);
    at += 40;
    for (let i = 0; i < payload; i++) b[at + i] = i < 8 ? 0 : i;
    if (next === 58 && payload >= 4) {
      b[at] = type;
      b[at + 1] = bits & CODE ? 1 : 0;
    }
    this.#finish(ipv6, bits & RIGHT_CHECKSUM);
    at += payload;
    b.set(trailers, at);
    at += trailers.length;
    this.length = at - HEADROOM;
    if (bits & DAMAGED) {
      b[HEADROOM + at1 % this.length]! ^= value1;
      b[HEADROOM + at2 % this.length]! ^= value2;
    }
    if (bits & LENGTH_WRONG) writeU16(b, ipv6 + 4, payload + (value1 & 0x80 ? 1 : -1));
    if (bits & CUT) this.length = Math.max(0, this.length - (value2 % (this.length + 1)));
    // What was damaged inside may be sound outside: of that more gets in.
    if (bits & SOUND_AFTERWARDS) {
      const isOne = this.#datagram.parse(b, HEADROOM, this.length) === Drop.None;
      if (isOne && b[this.#datagram.ipv6At + 6] === 58) this.#finish(this.#datagram.ipv6At, 1);
    }
  }

  /** The bytes of the input themselves. */
  copy(bytes: Uint8Array): void {
    this.length = bytes.length;
    this.bytes.set(bytes, HEADROOM);
  }

  #finish(ipv6: number, right: number): void {
    const b = this.bytes;
    if (right === 0 || b[ipv6 + 6] !== 58) return;
    writeU16(b, ipv6 + 42, 0);
    writeU16(b, ipv6 + 42, payloadChecksum(b, ipv6));
  }
}
