import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import test from "node:test";
import fc from "fast-check";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import { parseIpv6, parseIpv6Prefix } from "#src/protocol/wire/ipv6.ts";
import { TrailerReader, Trailers } from "#src/protocol/wire/trailers.ts";
import { vector, VECTORS } from "#test/protocol/vectors.ts";

const junk = fc.uint8Array({ maxLength: 40 });
const runs = { numRuns: 3_000 };

/** Datagrams that reach the deep branches: vectors with some bytes changed, cut or added. */
const mutated = fc.tuple(
  fc.constantFrom(...VECTORS.map((v) => v.id)),
  fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }),
  fc.nat(30),
  junk,
).map(([id, changes, cut, tail]) => {
  const b = vector(id);
  for (const [at, value] of changes) b[at % b.length] = value;
  return Uint8Array.of(...b.subarray(0, b.length - (cut % b.length)), ...tail);
});
const headed = fc.tuple(
  fc.constantFrom([], [0, 1], [0, 1, 0, 0], [0, 0], [0x60], [0x60, 0, 0, 0, 0]),
  fc.uint8Array({ maxLength: 300 }),
).map(([head, tail]) => Uint8Array.of(...head, ...tail));
const datagram = fc.oneof(headed, mutated);

/** What a parser found; absent parts left out, since they mean nothing. */
function found(d: TeredoDatagram, drop: Drop, from: number) {
  if (drop !== Drop.None) return { drop };
  return {
    drop,
    authentication: d.authenticationAt < 0 ? undefined : [
      d.authenticationAt - from,
      d.clientIdAt - from,
      d.clientIdLength,
      d.authenticationValueAt - from,
      d.authenticationValueLength,
      d.nonceAt - from,
      d.confirmation,
    ],
    origin: d.originAt < 0 ? undefined : [d.originAt - from, d.originAddress, d.originPort],
    packet: [d.ipv6At - from, d.ipv6Length, d.trailersAt - from, d.end - from],
  };
}

test("TeredoDatagram.parse() never throws and points inside the datagram only (S-02, R-20)", () => {
  const d = new TeredoDatagram(); // one for all: state must not leak
  fc.assert(
    fc.property(datagram, fc.nat(20), (bytes, at) => {
      const b = new Uint8Array(at + bytes.length);
      b.set(bytes, at);
      if (d.parse(b, at, bytes.length) !== Drop.None) return;
      const end = at + bytes.length;
      const parts: [number, number][] = [];
      if (d.authenticationAt >= 0) parts.push([d.authenticationAt, d.nonceAt + 9]);
      if (d.originAt >= 0) parts.push([d.originAt, d.originAt + 8]);
      parts.push([d.ipv6At, d.ipv6At + d.ipv6Length], [d.trailersAt, d.end]);
      let expected = at;
      for (const [from, to] of parts) { // they lie side by side and fill the datagram
        assert.equal(from, expected);
        assert.ok(to >= from);
        expected = to;
      }
      assert.equal(expected, end);
      assert.ok(d.ipv6Length >= 40 && b[d.ipv6At]! >> 4 === 6);
    }),
    runs,
  );
});

test("TeredoDatagram.parse() depends on the datagram's bytes alone", () => {
  const used = new TeredoDatagram();
  fc.assert(
    fc.property(datagram, junk, junk, (bytes, before, after) => {
      const fresh = new TeredoDatagram();
      const want = found(fresh, fresh.parse(bytes, 0, bytes.length), 0);
      const b = Uint8Array.of(...before, ...bytes, ...after);
      const drop = used.parse(b, before.length, bytes.length);
      assert.deepEqual(found(used, drop, before.length), want);
    }),
    runs,
  );
});

test("TrailerReader.next() ends, and stays inside its bytes (C-70)", () => {
  const reader = new TrailerReader();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (bytes, at) => {
      reader.begin(Math.min(at, bytes.length), bytes.length);
      let last = Math.min(at, bytes.length);
      while (reader.next(bytes)) {
        assert.equal(reader.valueAt, last + 2);
        last = reader.valueAt + reader.valueLength;
        assert.ok(last <= bytes.length);
      }
    }),
    runs,
  );
});

test("Trailers.parse() depends on the trailers' bytes alone, and points inside them (C-70)", () => {
  const one = fc.tuple(fc.constantFrom(1, 3, 4, 5, 0x7f, 0xbf), fc.uint8Array({ maxLength: 30 }))
    .map(([type, value]) => [type, value.length, ...value]);
  const trailers = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.array(one, { maxLength: 6 }).map((all) => Uint8Array.from(all.flat())),
  );
  const used = new Trailers();
  const meaning = (t: Trailers, drop: Drop, b: Uint8Array, from: number) => ({
    drop,
    nonceAt: t.nonceAt < 0 ? -1 : t.nonceAt - from,
    discovery: t.discovery,
    randomPort: t.randomPort,
    alternates: Array.from(
      { length: t.alternates },
      (_, i) => [t.alternateAddress(b, i), t.alternatePort(b, i)],
    ),
  });
  fc.assert(
    fc.property(trailers, junk, junk, (bytes, before, after) => {
      const fresh = new Trailers();
      const want = meaning(fresh, fresh.parse(bytes, 0, bytes.length), bytes, 0);
      assert.ok(want.nonceAt + 4 <= Math.max(4, bytes.length));
      assert.ok(want.alternates.length <= 4);
      const b = Uint8Array.of(...before, ...bytes, ...after);
      const drop = used.parse(b, before.length, before.length + bytes.length);
      assert.deepEqual(meaning(used, drop, b, before.length), want);
    }),
    runs,
  );
});

/** Text near the grammar of addresses. */
const near = (alphabet: string) =>
  fc.array(fc.constantFrom(...alphabet), { maxLength: 24 }).map((all) => all.join(""));

test("parseIpv4() accepts what node:net does, and nothing else", () => {
  const octets = fc.array(fc.oneof(fc.nat(300).map(String), near("0123456789x")), {
    minLength: 3,
    maxLength: 5,
  }).map((all) => all.join("."));
  fc.assert(
    fc.property(fc.oneof(near("0123456789. x-"), octets, fc.ipV4(), fc.string()), (text) => {
      assert.equal(parseIpv4(text) !== undefined, isIPv4(text));
    }),
    runs,
  );
});

test("parseIpv6() accepts what node:net does, except zones, and nothing else", () => {
  const groups = fc.array(
    fc.oneof(fc.nat(0x1ffff).map((n) => n.toString(16)), fc.constantFrom("", "", "0"), fc.ipV4()),
    { minLength: 2, maxLength: 10 },
  ).map((all) => all.join(":"));
  fc.assert(
    fc.property(fc.oneof(near("0123abcF:. g"), groups, fc.ipV6(), fc.string()), (text) => {
      assert.equal(parseIpv6(text) !== undefined, isIPv6(text) && !text.includes("%"));
      parseIpv6Prefix(text);
      parseIpv6Prefix(`${text}/64`);
    }),
    runs,
  );
});
