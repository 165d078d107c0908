import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { signAuthentication, verifyAuthentication } from "#src/protocol/wire/authentication.ts";
import { writeAuthentication, writeOrigin } from "#src/protocol/wire/build.ts";
import {
  equalInConstantTime,
  readU16,
  readU32,
  writeU16,
  writeU32,
} from "#src/protocol/wire/bytes.ts";
import {
  addBytes,
  addPseudoHeader,
  finishChecksum,
  payloadChecksum,
} from "#src/protocol/wire/checksum.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  formatIpv6,
  formatIpv6Prefix,
  inPrefix,
  parseIpv6,
  parseIpv6Prefix,
} from "#src/protocol/wire/ipv6.ts";
import {
  hasMapping,
  readTeredoAddress,
  toBytes,
  writeLinkLocal,
} from "#src/protocol/wire/teredo_address.ts";
import {
  Trailers,
  writeAlternateAddressTrailer,
  writeNeighborDiscoveryTrailer,
  writeNonceTrailer,
  writeRandomPortTrailer,
} from "#src/protocol/wire/trailers.ts";
import { concat, packet } from "#test/protocol/packets.ts";
import { hmacSha1 } from "#test/protocol/server/lab.ts";
import { vector } from "#test/protocol/vectors.ts";

const u16 = fc.nat(0xffff);
const u32 = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff));
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Addresses with runs of zeros, which is where text gets hard. */
const address = fc.array(fc.oneof(fc.constant(0), fc.constant(0), u16), {
  minLength: 8,
  maxLength: 8,
}).map((groups) => {
  const b = new Uint8Array(16);
  groups.forEach((group, i) => writeU16(b, 2 * i, group));
  return b;
});

test("numbers come back as they were written", () => {
  fc.assert(fc.property(u16, u32, fc.nat(8), (short, long, at) => {
    const b = new Uint8Array(16).fill(0xee);
    writeU16(b, at, short);
    assert.equal(readU16(b, at), short);
    writeU32(b, at, long);
    assert.equal(readU32(b, at), long);
    assert.equal(b[at + 4], 0xee);
  }));
});

test("equalInConstantTime() says what comparing byte by byte says", () => {
  fc.assert(fc.property(bytesOf(8), fc.nat(7), fc.nat(255), (a, at, value) => {
    const b = a.slice();
    b[at] = value;
    assert.equal(equalInConstantTime(a, 0, b, 0, 8), a[at] === value);
  }));
});

test("IPv4 text comes back as it was", () => {
  fc.assert(fc.property(u32, (address) => assert.equal(parseIpv4(formatIpv4(address)), address)));
});

test("IPv6 text comes back as it was, and is what a browser's URL says", () => {
  fc.assert(
    fc.property(address, (b) => {
      const text = formatIpv6(b);
      assert.deepEqual(parseIpv6(text), b);
      if (text.startsWith("::ffff:")) return; // URLs do not follow RFC 5952 §5
      assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
    }),
    { numRuns: 2_000 },
  );
});

test("a prefix comes back from text, and holds just the addresses that begin with it", () => {
  fc.assert(fc.property(address, fc.nat(128), fc.nat(127), (b, length, flip) => {
    for (let bit = length; bit < 128; bit++) b[bit >> 3]! &= ~(0x80 >> (bit & 7));
    const prefix = parseIpv6Prefix(formatIpv6Prefix({ bytes: b, length }));
    assert.deepEqual(prefix, { bytes: b, length });
    const other = b.slice();
    other[flip >> 3]! ^= 0x80 >> (flip & 7);
    assert.ok(inPrefix(b, 0, { bytes: b, length }));
    assert.equal(inPrefix(other, 0, { bytes: b, length }), flip >= length);
  }));
});

test("a Teredo address comes back field by field", () => {
  const fields = fc.record({
    prefix: u32,
    serverAddress: u32,
    flags: u16,
    mappedAddress: u32,
    mappedPort: u16,
  }, { noNullPrototype: true });
  fc.assert(fc.property(fields, (fields) => {
    const b = toBytes(fields);
    assert.deepEqual(readTeredoAddress(b), fields);
    assert.ok(hasMapping(b, 0, fields.mappedAddress, fields.mappedPort));
    const local = new Uint8Array(16);
    writeLinkLocal(local, 0, fields.flags, fields.mappedAddress, fields.mappedPort);
    assert.deepEqual(local.subarray(8), b.subarray(8)); // one layout for both: RFC 4380 §4
  }));
});

test("authentication and origin come back, and the value holds", () => {
  const field = fc.uint8Array({ minLength: 1, maxLength: 255 });
  fc.assert(fc.property(field, bytesOf(8), fc.nat(255), u32, u16, fc.boolean(), (
    clientId,
    nonce,
    confirmation,
    address,
    port,
    withOrigin,
  ) => {
    const b = new Uint8Array(600);
    let end = writeAuthentication(b, 0, clientId, new Uint8Array(20), nonce, 0, confirmation);
    if (withOrigin) end = writeOrigin(b, end, address, port);
    b.set(vector("R1"), end);
    end += vector("R1").length;
    signAuthentication(b, 0, end, clientId, hmacSha1);

    const d = new TeredoDatagram();
    assert.equal(d.parse(b, 0, end), Drop.None);
    assert.deepEqual(b.slice(d.clientIdAt, d.clientIdAt + d.clientIdLength), clientId);
    assert.deepEqual(b.slice(d.nonceAt, d.nonceAt + 8), nonce);
    assert.equal(d.confirmation, confirmation);
    assert.equal(d.originAt >= 0, withOrigin);
    if (withOrigin) assert.deepEqual([d.originAddress, d.originPort], [address, port]);
    assert.ok(verifyAuthentication(b, d, clientId, hmacSha1));
  }));
});

test("trailers come back", () => {
  const unicast = fc.integer({ min: 0x01000000, max: 0x7effffff });
  const entries = fc.array(fc.tuple(unicast, fc.integer({ min: 1, max: 65_535 })), {
    minLength: 1,
    maxLength: 4,
  });
  const discovery = fc.constantFrom(0 as const, 1 as const);
  fc.assert(fc.property(bytesOf(4), entries, discovery, fc.integer({ min: 1, max: 65_535 }), (
    nonce,
    entries,
    discovery,
    port,
  ) => {
    const b = new Uint8Array(64);
    const addresses = entries.map(([address]) => address);
    const ports = entries.map(([, port]) => port);
    let end = writeNonceTrailer(b, 0, nonce, 0);
    end = writeAlternateAddressTrailer(b, end, addresses, ports);
    end = writeNeighborDiscoveryTrailer(b, end, discovery);
    end = writeRandomPortTrailer(b, end, port);
    const t = new Trailers();
    assert.equal(t.parse(b, 0, end), Drop.None);
    assert.deepEqual(b.slice(t.nonceAt, t.nonceAt + 4), nonce);
    assert.equal(t.discovery, discovery);
    assert.equal(t.randomPort, port);
    const read = entries.map((_, i) => [t.alternateAddress(b, i), t.alternatePort(b, i)]);
    assert.deepEqual(read, entries);
    assert.equal(t.alternates, entries.length);
  }));
});

/** RFC 1071 as it is told: add 16-bit words, carry at each step. */
function naiveChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum >= 0x10000) sum = sum - 0x10000 + 1;
  }
  return 0xffff - sum;
}

test("finishChecksum(addBytes()) agrees with the obvious sum, in one run or in two", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1_500 }), fc.nat(1_500), (bytes, cut) => {
    assert.equal(finishChecksum(addBytes(bytes, 0, bytes.length, 0)), naiveChecksum(bytes));
    const even = Math.min(cut, bytes.length) & ~1; // only the last run may be odd
    const sum = addBytes(bytes, 0, even, 0);
    assert.equal(
      finishChecksum(addBytes(bytes, even, bytes.length - even, sum)),
      naiveChecksum(bytes),
    );
  }));
});

test("payloadChecksum() agrees with the obvious sum over the pseudo-header of RFC 8200 §8.1", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(255), (payload, nextHeader) => {
    const b = packet(nextHeader, "2001:db8::1", "2001::ffff", payload);
    const pseudo = concat(
      b.subarray(8, 40),
      Uint8Array.of(0, 0, payload.length >> 8, payload.length & 255, 0, 0, 0, nextHeader),
    );
    assert.equal(payloadChecksum(b, 0), naiveChecksum(concat(pseudo, payload)));
    assert.equal(finishChecksum(addPseudoHeader(b, 0, 0)), naiveChecksum(pseudo));
  }));
});
