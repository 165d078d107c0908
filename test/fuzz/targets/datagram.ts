import assert from "node:assert/strict";
import { Drop } from "#src/protocol/drops.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { describePacket } from "#src/protocol/wire/describe.ts";
import { TrailerReader, Trailers } from "#src/protocol/wire/trailers.ts";
import { headerLength } from "#src/datapath/recorder/headers.ts";
import { fromHex, VECTORS } from "#test/protocol/vectors.ts";
import type { Target } from "../engine/target.ts";

/** The other bytes that the datagram lies between. */
const BEFORE = 13;
const BEHIND = 32;
const MOST = 1_500;

/** Bytes of one datagram. */
export const target: Target = {
  name: "datagram",
  unit: 1,
  most: MOST,
  seeds: () => VECTORS.map(({ hex }) => fromHex(hex)),
  words: [
    "00010000",
    "0000",
    "0001",
    "6000000000003bff",
    "60000000000811ff",
    "20010000",
    "fe80000000000000",
    "0104deadbeef",
    "030800000a0000020fa0",
    "040400000000",
    "04040100",
    "05020fa0",
    "8500",
    "8600",
  ].map(fromHex),
  open: () => {
    const parsers = new Parsers();
    return (input) => parsers.check(input);
  },
};

/** Each parser on the bytes alone, and between others at another place: nothing of those may show. */
class Parsers {
  readonly #alone = new TeredoDatagram();
  readonly #among = new TeredoDatagram();
  readonly #trailers = new Trailers();
  readonly #others = new Trailers();
  readonly #reader = new TrailerReader();
  readonly #frame = new Uint8Array(BEFORE + MOST + BEHIND);
  #filler = 0;

  check(b: Uint8Array): void {
    const [d, f, frame] = [this.#alone, this.#among, this.#frame];
    this.#filler = (this.#filler + 0x35) & 0xff;
    frame.fill(this.#filler, 0, BEFORE);
    frame.set(b, BEFORE);
    frame.fill(this.#filler, BEFORE + b.length, BEFORE + b.length + BEHIND);
    const drop = d.parse(b, 0, b.length);
    assert.equal(f.parse(frame, BEFORE, b.length), drop);
    if (drop !== Drop.None) return;
    checkParts(d, b);
    checkSame(d, f);
    this.#checkTrailers(b, d);
    const packet = describePacket(b, d.ipv6At, d.ipv6Length);
    assert.equal(describePacket(frame, f.ipv6At, f.ipv6Length), packet);
    const header = headerLength(b, d.ipv6At, d.ipv6Length);
    assert.ok(header >= 40 && header % 4 === 0 && header <= d.ipv6Length);
    assert.equal(headerLength(frame, f.ipv6At, f.ipv6Length), header);
  }

  #checkTrailers(b: Uint8Array, d: TeredoDatagram): void {
    const [t, o, reader] = [this.#trailers, this.#others, this.#reader];
    reader.begin(d.trailersAt, d.end);
    let last = d.trailersAt;
    while (reader.next(b)) {
      assert.equal(reader.valueAt, last + 2);
      last = reader.valueAt + reader.valueLength;
      assert.ok(last <= d.end, "a trailer ends behind the datagram");
    }
    const drop = t.parse(b, d.trailersAt, d.end);
    assert.equal(o.parse(this.#frame, BEFORE + d.trailersAt, BEFORE + d.end), drop);
    if (drop !== Drop.None) return;
    assert.ok(t.alternates <= 4);
    assert.ok(t.nonceAt < 0 || (t.nonceAt >= d.trailersAt + 2 && t.nonceAt + 4 <= d.end));
    assert.equal(o.nonceAt, t.nonceAt < 0 ? t.nonceAt : t.nonceAt + BEFORE);
    assert.equal(o.discovery, t.discovery);
    assert.equal(o.randomPort, t.randomPort);
    assert.equal(o.alternates, t.alternates);
    for (let i = 0; i < t.alternates; i++) {
      assert.equal(o.alternateAddress(this.#frame, i), t.alternateAddress(b, i));
      assert.equal(o.alternatePort(this.#frame, i), t.alternatePort(b, i));
    }
  }
}

/** They lie side by side, and fill the datagram. */
function checkParts(d: TeredoDatagram, b: Uint8Array): void {
  let at = 0;
  if (d.authenticationAt >= 0) {
    assert.equal(d.authenticationAt, at);
    assert.equal(d.authenticationValueAt, d.clientIdAt + d.clientIdLength);
    assert.equal(d.nonceAt, d.authenticationValueAt + d.authenticationValueLength);
    at = d.nonceAt + 9;
  }
  if (d.originAt >= 0) {
    assert.equal(d.originAt, at);
    at += 8;
  }
  assert.equal(d.ipv6At, at);
  assert.equal(b[at]! >> 4, 6);
  assert.ok(d.ipv6Length >= 40);
  assert.equal(d.trailersAt, at + d.ipv6Length);
  assert.ok(d.trailersAt <= d.end);
  assert.equal(d.end, b.length);
}

function checkSame(d: TeredoDatagram, f: TeredoDatagram): void {
  const moved = (at: number) => at < 0 ? at : at + BEFORE;
  assert.equal(f.authenticationAt, moved(d.authenticationAt));
  assert.equal(f.originAt, moved(d.originAt));
  assert.equal(f.ipv6At, moved(d.ipv6At));
  assert.equal(f.ipv6Length, d.ipv6Length);
  if (d.authenticationAt >= 0) {
    assert.equal(f.clientIdLength, d.clientIdLength);
    assert.equal(f.confirmation, d.confirmation);
  }
  if (d.originAt < 0) return;
  assert.equal(f.originAddress, d.originAddress);
  assert.equal(f.originPort, d.originPort);
}
