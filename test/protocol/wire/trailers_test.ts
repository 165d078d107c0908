import assert from "node:assert/strict";
import test from "node:test";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { formatIpv4 } from "#src/protocol/wire/ipv4.ts";
import { TrailerReader, Trailers } from "#src/protocol/wire/trailers.ts";
import { fromHex, toHex } from "../vectors.ts";

function parse(hex: string) {
  const b = fromHex(hex);
  const t = new Trailers();
  const drop = t.parse(b, 0, b.length);
  return { b, t, drop };
}

const UNKNOWN: readonly (readonly [type: string, drop: Drop])[] = [
  ["00", Drop.None],
  ["06", Drop.None],
  ["3f", Drop.None],
  ["40", Drop.UnknownTrailer],
  ["7f", Drop.UnknownTrailer],
  ["80", Drop.None],
  ["bf", Drop.None],
  ["c0", Drop.None],
  ["ff", Drop.None],
];
for (const [type, drop] of UNKNOWN) {
  test(`Trailers.parse() says ${DROP_NAMES[drop]} of the unknown type ${type} (C-70, N14)`, () => {
    assert.equal(parse(`${type}03010203 0104deadbeef`).drop, drop);
    assert.equal(parse(`0104deadbeef ${type}00`).drop, drop);
  });
}

const MALFORMED = ["7f", "01", "7f05aabb", "0104dead", "05ff"];
for (const hex of MALFORMED) {
  test(`Trailers.parse() stops at the malformed ${hex} and keeps what came before (C-70, P5)`, () => {
    const { b, t, drop } = parse(`0104deadbeef ${hex}`);
    assert.equal(drop, Drop.None);
    assert.equal(toHex(b, t.nonceAt, 4), "deadbeef");
    assert.equal(t.randomPort, 0);
  });
}

const ENTRY = "c0a801010fff";
const BAD_ALTERNATES: readonly (readonly [what: string, hex: string])[] = [
  ["length 15", `030f0000${ENTRY}${ENTRY}00`],
  ["no entry", "03020000"],
  ["no reserved field", "0300"],
  ["half an entry", "03050000c0a801"],
  ["5 entries", `03200000${ENTRY.repeat(5)}`],
  ["port 0", "03080000c0a801010000"],
  ["port 0 in the second entry", `030e0000${ENTRY}c0a801020000`],
  ["a multicast address", "03080000e00000fd0fff"],
  ["a broadcast address", "03080000ffffffff0fff"],
  ["the unspecified address", "03080000000000000fff"],
  ["a loopback address", "030800007f0000010fff"],
];
for (const [what, hex] of BAD_ALTERNATES) {
  test(`Trailers.parse() voids a datagram whose alternate addresses have ${what} (C-78, N16)`, () => {
    assert.equal(parse(hex).drop, Drop.BadTrailer);
  });
}

test("Trailers.parse() reads one to four alternate addresses, whatever is reserved (C-78)", () => {
  for (let count = 1; count <= 4; count++) {
    const { b, t, drop } = parse(`03${hexLength(count)}abcd${ENTRY.repeat(count)}`);
    assert.equal(drop, Drop.None);
    assert.equal(t.alternates, count);
    assert.equal(formatIpv4(t.alternateAddress(b, count - 1)), "192.168.1.1");
    assert.equal(t.alternatePort(b, count - 1), 4095);
  }
});

function hexLength(count: number): string {
  return (2 + 6 * count).toString(16).padStart(2, "0");
}

test("Trailers.parse() takes nothing from a known type with a length it cannot have", () => {
  const { t, drop } = parse("0103010203 04050100000000 0503010203");
  assert.equal(drop, Drop.None);
  assert.deepEqual([t.nonceAt, t.discovery, t.randomPort], [-1, -1, 0]);
});

/** RFC 6081 §4.5 has type 0x05, the table of §9 has 0x02. */
const RANDOM_PORTS: readonly (readonly [hex: string, port: number])[] = [
  ["050204b1", 1201],
  ["020204b1", 1201],
  ["020204b1 05020002", 1201],
  ["050204b1 02020002", 1201],
  ["0201b1", 0],
  ["02040004b1ff", 0],
  ["0200", 0],
  ["020204", 0],
];
for (const [hex, port] of RANDOM_PORTS) {
  test(`Trailers.parse() finds random port ${port} in ${hex} (C-70, C-76)`, () => {
    const { t, drop } = parse(hex);
    assert.equal(drop, Drop.None);
    assert.equal(t.randomPort, port);
  });
}

test("Trailers.parse() takes no discovery type but the two there are", () => {
  assert.equal(parse("040402000000").t.discovery, -1);
});

test("Trailers.parse() takes the first of two of a kind", () => {
  const { b, t } = parse(
    `010411111111 010422222222 05020001 05020002 040401000000 040400000000` +
      ` 03080000${ENTRY} 030800000a0000010001`,
  );
  assert.equal(toHex(b, t.nonceAt, 4), "11111111");
  assert.equal(t.randomPort, 1);
  assert.equal(t.discovery, 1);
  assert.equal(formatIpv4(t.alternateAddress(b, 0)), "192.168.1.1");
});

test("Trailers.parse() forgets the datagram before", () => {
  const { b, t } = parse(`0104deadbeef 05020001 040401000000 03080000${ENTRY}`);
  assert.equal(t.parse(b, 0, 0), Drop.None);
  assert.deepEqual([t.nonceAt, t.alternates, t.discovery, t.randomPort], [-1, 0, -1, 0]);
});

test("TrailerReader.next() visits each trailer in its order and then stays at the end", () => {
  const b = fromHex("bf00 0104deadbeef ff0101 05");
  const reader = new TrailerReader();
  reader.begin(0, b.length);
  const seen: [number, string][] = [];
  while (reader.next(b)) seen.push([reader.type, toHex(b, reader.valueAt, reader.valueLength)]);
  assert.deepEqual(seen, [[0xbf, ""], [1, "deadbeef"], [0xff, "01"]]);
  assert.equal(reader.next(b), false);
});
