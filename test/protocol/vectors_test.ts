import assert from "node:assert/strict";
import test from "node:test";
import { signAuthentication, verifyAuthentication } from "#src/protocol/wire/authentication.ts";
import {
  ICMPV6_UNREACHABLE,
  UNREACHABLE_ADDRESS,
  writeAuthentication,
  writeBubble,
  writeIcmpv6Error,
  writeOrigin,
  writeRouterAdvertisement,
  writeRouterSolicitation,
} from "#src/protocol/wire/build.ts";
import { payloadChecksum } from "#src/protocol/wire/checksum.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop } from "#src/protocol/drops.ts";
import { formatIpv4, parseIpv4 } from "#src/protocol/wire/ipv4.ts";
import {
  DESTINATION_AT,
  formatIpv6,
  HOP_LIMIT_AT,
  IPV6_HEADER_LENGTH,
  isBubble,
  parseIpv6,
  SOURCE_AT,
} from "#src/protocol/wire/ipv6.ts";
import {
  readTeredoAddress,
  toBytes,
  writeLinkLocal,
  writeTeredoAddress,
} from "#src/protocol/wire/teredo_address.ts";
import {
  DISCOVERY_ADVERTISEMENT,
  DISCOVERY_SOLICITATION,
  Trailers,
  writeAlternateAddressTrailer,
  writeNeighborDiscoveryTrailer,
  writeNonceTrailer,
  writeRandomPortTrailer,
} from "#src/protocol/wire/trailers.ts";
import { icmpv6 } from "./packets.ts";
import { ALICE, hmacSha1 } from "./server/lab.ts";
import {
  CLIENT,
  CLIENT_LOCAL,
  CLIENT_PORT,
  fromHex,
  NONCE,
  RELAY,
  RELAY_PORT,
  SERVER,
  toHex,
  vector,
  VECTORS,
} from "./vectors.ts";

const ip4 = (text: string) => parseIpv4(text)!;
const ip6 = (text: string) => parseIpv6(text)!;
const PREFIX = 0x20010000;
const EMPTY = new Uint8Array(0);
const ADVERTISEMENT = { prefix: PREFIX, serverAddress: SERVER, mtu: 1280 };
const NONCE_TRAILER = fromHex("deadbeef");

type Write = (b: Uint8Array) => number;

const teredo = (server: string, flags: number, mapped: string, port: number): Write => (b) => {
  writeTeredoAddress(b, 0, {
    prefix: PREFIX,
    serverAddress: ip4(server),
    flags,
    mappedAddress: ip4(mapped),
    mappedPort: port,
  });
  return 16;
};
const linkLocal = (flags: number, address: number, port: number): Write => (b) => {
  writeLinkLocal(b, 0, flags, address, port);
  return 16;
};
const bubble = (from: Uint8Array, to: Uint8Array, at = 0): Write => (b) =>
  writeBubble(b, at, from, 0, to, 0);
const authentication = (b: Uint8Array, confirmation: number) =>
  writeAuthentication(b, 0, EMPTY, EMPTY, NONCE, 0, confirmation);
const advertise = (b: Uint8Array, at: number, to: string) =>
  writeRouterAdvertisement(
    b,
    writeOrigin(b, at, CLIENT, CLIENT_PORT),
    ADVERTISEMENT,
    vector(to),
    0,
  );
const bubbleAndTrailers = (...trailers: ((b: Uint8Array, at: number) => number)[]): Write => (b) =>
  trailers.reduce((at, write) => write(b, at), writeBubble(b, 0, vector("A6"), 0, vector("A5"), 0));
const nonceTrailer = (b: Uint8Array, at: number) => writeNonceTrailer(b, at, NONCE_TRAILER, 0);
const alternates = (b: Uint8Array, at: number) =>
  writeAlternateAddressTrailer(b, at, [ip4("192.168.1.0"), ip4("10.9.8.7")], [4095, 5000]);
const raw = (hex: string) => (b: Uint8Array, at: number) => {
  b.set(fromHex(hex), at);
  return at + fromHex(hex).length;
};
const secure =
  (confirmation: number, write: (b: Uint8Array, at: number) => number): Write => (b) => {
    const at = writeAuthentication(
      b,
      0,
      ALICE.clientId,
      new Uint8Array(20),
      NONCE,
      0,
      confirmation,
    );
    const end = write(b, at);
    signAuthentication(b, 0, end, ALICE.key, hmacSha1);
    return end;
  };

/** Writes an echo request (128) or reply (129); `body` is identifier, sequence and data. */
function writeEcho(
  b: Uint8Array,
  [type, hopLimit]: readonly [number, number],
  from: Uint8Array,
  to: Uint8Array,
  body: string,
): number {
  const echo = icmpv6(type, from, to, fromHex(body), hopLimit);
  b.set(echo);
  return echo.length;
}

const HOST = "2001:db8::1";
const STRANGER = "fe80::1234:5678:9abc:def0";

/** How each vector is made. R4, M4 and M5 are other implementations' shapes, which we only read. */
const ENCODE: Readonly<Record<string, Write>> = {
  A1: teredo("65.54.227.120", 0x8000, "192.0.2.45", 40_000),
  A2: teredo("65.54.227.120", 0, "192.0.2.45", 40_000),
  A3: teredo("65.54.227.120", 0x285b, "192.0.2.45", 40_000),
  A4: teredo("65.54.227.120", 0x3cff, "192.0.2.45", 40_000),
  A5: teredo("203.0.113.120", 0, "192.0.2.1", 4096),
  A6: teredo("198.51.100.118", 0, "192.0.2.10", 8192),
  A7: teredo("203.0.113.120", 0, "198.51.100.118", 4095),
  A8: teredo("203.0.113.120", 0, "198.51.100.118", 4096),
  A9: linkLocal(0x8000, SERVER, 3544),
  A10: linkLocal(0x8000, CLIENT_LOCAL, 40_000),
  A11: linkLocal(0, CLIENT_LOCAL, 40_000),
  O1: (b) => writeOrigin(b, 0, ip4("1.2.3.4"), 337),
  O2: (b) => writeOrigin(b, 0, CLIENT, CLIENT_PORT),
  O3: (b) => writeOrigin(b, 0, SERVER, 3544),
  O4: (b) => writeOrigin(b, 0, RELAY, 65_535),
  H1: (b) => authentication(b, 0),
  H2: (b) => authentication(b, 1),
  B1: bubble(vector("A6"), vector("A5")),
  B2: (b) => bubble(ip6(STRANGER), vector("A2"), writeOrigin(b, 0, RELAY, RELAY_PORT))(b),
  B3: bubble(vector("A2"), ip6(STRANGER)),
  B4: (b) => {
    const end = bubble(vector("A2"), ip6("ff02::1"))(b);
    b[HOP_LIMIT_AT] = 1;
    return end;
  },
  R1: (b) => writeRouterSolicitation(b, 0, vector("A10"), 0),
  R2: (b) => writeRouterSolicitation(b, 0, vector("A11"), 0),
  R3: (b) => writeRouterSolicitation(b, authentication(b, 0), vector("A11"), 0),
  R5: (b) => writeRouterSolicitation(b, 0, ip6("fe80::ffff:ffff:ffff"), 0),
  R6: (b) => writeRouterSolicitation(b, 0, ip6("fe80::ffff:ffff:fffe"), 0),
  M1: (b) => advertise(b, 0, "A10"),
  M2: (b) => advertise(b, 0, "A11"),
  M3: (b) => advertise(b, authentication(b, 0), "A11"),
  X1: secure(0, (b, at) => writeRouterSolicitation(b, at, vector("A11"), 0)),
  X2: secure(0, (b, at) => advertise(b, at, "A11")),
  X3: secure(1, (b, at) => advertise(b, at, "A11")),
  E1: (b) => writeEcho(b, [128, 128], vector("A2"), ip6(HOST), "beef 0001 1122334455667788"),
  E2: (b) => writeEcho(b, [129, 55], ip6(HOST), vector("A2"), "beef 0001 1122334455667788"),
  E3: (b) => writeEcho(b, [128, 128], vector("A2"), ip6(HOST), "beef 0001 11223344"),
  E4: (b) => writeEcho(b, [129, 55], ip6(HOST), vector("A2"), "beef 0001 11223344"),
  T1: (b) => nonceTrailer(b, 0),
  T2: (b) => alternates(b, 0),
  T3: (b) => writeNeighborDiscoveryTrailer(b, 0, DISCOVERY_SOLICITATION),
  T4: (b) => writeNeighborDiscoveryTrailer(b, 0, DISCOVERY_ADVERTISEMENT),
  T5: (b) => writeRandomPortTrailer(b, 0, 1201),
  T6: bubbleAndTrailers(nonceTrailer, (b, at) => writeRandomPortTrailer(b, at, 1201)),
  T7: bubbleAndTrailers(nonceTrailer, alternates),
  T8: bubbleAndTrailers(raw("7f020000")),
  T9: bubbleAndTrailers(raw("bf020000"), nonceTrailer),
  T10: bubbleAndTrailers(raw("0104dead")),
  U1: (b) => {
    const offending = new Uint8Array(64);
    const body = "1234 0001 6162636465666768";
    const length = writeEcho(offending, [128, 63], ip6(HOST), vector("A2"), body);
    const from = ip6("2001:db8::ffff");
    return writeIcmpv6Error(
      b,
      0,
      ICMPV6_UNREACHABLE,
      UNREACHABLE_ADDRESS,
      0,
      from,
      offending,
      0,
      length,
    );
  },
};

test("every vector is either written by us or a shape that we only read", () => {
  const unwritten = VECTORS.map((v) => v.id).filter((id) => !(id in ENCODE));
  assert.deepEqual(unwritten, ["R4", "M4", "M5"]);
});

for (const v of VECTORS) {
  const write = ENCODE[v.id];
  if (write === undefined) continue;
  test(`vector ${v.id} is written byte for byte: ${v.desc}`, () => {
    const b = new Uint8Array(v.len + 32).fill(0xee); // what is reserved must be written, not assumed
    const end = write(b);
    assert.equal(toHex(b, 0, end), v.hex);
    assert.equal(end, v.len);
    assert.ok(b.subarray(end).every((x) => x === 0xee), "nothing is written past the end");
  });
}

for (const v of VECTORS.filter((v) => /^A\d/.test(v.id))) {
  test(`vector ${v.id} is read: ${v.desc}`, () => {
    const bytes = vector(v.id);
    assert.equal(formatIpv6(bytes), v.note);
    assert.deepEqual(parseIpv6(v.note), bytes);
    if (!v.note.startsWith("2001:")) return;
    const address = readTeredoAddress(bytes);
    assert.deepEqual(toBytes(address), bytes);
    const said = /server ([\d.]+).*mapped ([\d.]+):(\d+)/.exec(v.desc);
    if (said === null) return;
    assert.equal(formatIpv4(address.serverAddress), said[1]);
    assert.equal(formatIpv4(address.mappedAddress), said[2]);
    assert.equal(address.mappedPort, Number(said[3]));
  });
}

/** What {@link TeredoDatagram} says of a vector. */
function read(b: Uint8Array) {
  const d = new TeredoDatagram();
  assert.equal(d.parse(b, 0, b.length), Drop.None);
  const authenticated = d.authenticationAt >= 0;
  const packet = b.subarray(d.ipv6At, d.ipv6At + d.ipv6Length);
  return {
    d,
    nonce: authenticated ? toHex(b, d.nonceAt, 8) : undefined,
    confirmation: authenticated ? d.confirmation : undefined,
    clientId: authenticated ? toHex(b, d.clientIdAt, d.clientIdLength) : undefined,
    origin: d.originAt >= 0 ? `${formatIpv4(d.originAddress)}:${d.originPort}` : undefined,
    source: formatIpv6(b, d.ipv6At + SOURCE_AT),
    destination: formatIpv6(b, d.ipv6At + DESTINATION_AT),
    bubble: isBubble(b, d.ipv6At),
    checksum: isBubble(b, d.ipv6At) ? undefined : payloadChecksum(packet, 0),
    trailers: toHex(b, d.trailersAt, d.end - d.trailersAt),
  };
}

const A = (id: string) => formatIpv6(vector(id));
const ORIGIN = "192.0.2.45:40000";
const PLAIN_NONCE = { nonce: "0102030405060708", confirmation: 0, clientId: "" };
const SECURE = { ...PLAIN_NONCE, clientId: toHex(ALICE.clientId) };

const DATAGRAMS: Readonly<Record<string, Partial<ReturnType<typeof read>>>> = {
  B1: { source: A("A6"), destination: A("A5"), bubble: true, origin: undefined },
  B2: { source: STRANGER, destination: A("A2"), bubble: true, origin: "203.0.113.9:3545" },
  B3: { source: A("A2"), destination: STRANGER, bubble: true },
  B4: { source: A("A2"), destination: "ff02::1", bubble: true },
  R1: { source: A("A10"), destination: "ff02::2", checksum: 0, nonce: undefined },
  R2: { source: A("A11"), destination: "ff02::2", checksum: 0, nonce: undefined },
  R3: { source: A("A11"), destination: "ff02::2", checksum: 0, ...PLAIN_NONCE },
  R4: { source: A("A10"), destination: "ff02::2", checksum: 0, ...PLAIN_NONCE },
  R5: { source: "fe80::ffff:ffff:ffff", destination: "ff02::2", checksum: 0 },
  R6: { source: "fe80::ffff:ffff:fffe", destination: "ff02::2", checksum: 0 },
  M1: { source: A("A9"), destination: A("A10"), checksum: 0, origin: ORIGIN, nonce: undefined },
  M2: { source: A("A9"), destination: A("A11"), checksum: 0, origin: ORIGIN, nonce: undefined },
  M3: { source: A("A9"), destination: A("A11"), checksum: 0, origin: ORIGIN, ...PLAIN_NONCE },
  M4: { source: A("A9"), destination: A("A11"), checksum: 0, origin: ORIGIN, nonce: undefined },
  M5: { source: A("A9"), destination: A("A11"), checksum: 0, origin: ORIGIN, nonce: undefined },
  X1: { source: A("A11"), destination: "ff02::2", checksum: 0, ...SECURE },
  X2: { source: A("A9"), destination: A("A11"), checksum: 0, origin: ORIGIN, ...SECURE },
  X3: { destination: A("A11"), checksum: 0, origin: ORIGIN, ...SECURE, confirmation: 1 },
  E1: { source: A("A2"), destination: HOST, checksum: 0, bubble: false },
  E2: { source: HOST, destination: A("A2"), checksum: 0 },
  E3: { source: A("A2"), destination: HOST, checksum: 0, bubble: false },
  E4: { source: HOST, destination: A("A2"), checksum: 0 },
  T6: { source: A("A6"), bubble: true, trailers: "0104deadbeef050204b1" },
  T7: { source: A("A6"), bubble: true, trailers: "0104deadbeef030e0000c0a801000fff0a0908071388" },
  T8: { source: A("A6"), bubble: true, trailers: "7f020000" },
  T9: { source: A("A6"), bubble: true, trailers: "bf0200000104deadbeef" },
  T10: { source: A("A6"), bubble: true, trailers: "0104dead" },
  U1: { source: "2001:db8::ffff", destination: HOST, checksum: 0 },
};

for (const [id, want] of Object.entries(DATAGRAMS)) {
  test(`TeredoDatagram.parse() reads vector ${id}`, () => {
    const got = read(vector(id));
    for (const [key, value] of Object.entries(want)) {
      assert.deepEqual(got[key as keyof typeof got], value, key);
    }
  });
}

/** What stands in front of the packet cannot be read alone, so a bubble is put behind it. */
const HEADERS = {
  O1: { origin: "1.2.3.4:337" },
  O2: { origin: ORIGIN },
  O3: { origin: "65.54.227.120:3544" },
  O4: { origin: "203.0.113.9:65535" },
  H1: PLAIN_NONCE,
  H2: { ...PLAIN_NONCE, confirmation: 1 },
};

for (const [id, want] of Object.entries(HEADERS)) {
  test(`TeredoDatagram.parse() reads vector ${id} before a bubble (P8)`, () => {
    const got = read(Uint8Array.of(...vector(id), ...vector("B1")));
    for (const [key, value] of Object.entries(want)) {
      assert.deepEqual(got[key as keyof typeof got], value, key);
    }
    assert.ok(got.bubble);
  });
}

function readTrailers(b: Uint8Array, at: number) {
  const t = new Trailers();
  const drop = t.parse(b, at, b.length);
  return {
    drop,
    nonce: t.nonceAt < 0 ? undefined : toHex(b, t.nonceAt, 4),
    alternates: Array.from(
      { length: t.alternates },
      (_, i) => `${formatIpv4(t.alternateAddress(b, i))}:${t.alternatePort(b, i)}`,
    ),
    discovery: t.discovery,
    randomPort: t.randomPort,
  };
}

const NO_TRAILERS = {
  drop: Drop.None,
  nonce: undefined,
  alternates: [],
  discovery: -1,
  randomPort: 0,
};
const ALTERNATES = ["192.168.1.0:4095", "10.9.8.7:5000"];

const TRAILERS = {
  T1: { nonce: "deadbeef" },
  T2: { alternates: ALTERNATES },
  T3: { discovery: DISCOVERY_SOLICITATION },
  T4: { discovery: DISCOVERY_ADVERTISEMENT },
  T5: { randomPort: 1201 },
  T6: { nonce: "deadbeef", randomPort: 1201 },
  T7: { nonce: "deadbeef", alternates: ALTERNATES },
  T8: { drop: Drop.UnknownTrailer },
  T9: { nonce: "deadbeef" },
  T10: {},
};

for (const [id, want] of Object.entries(TRAILERS)) {
  test(`Trailers.parse() reads vector ${id} (C-70, N14, P5)`, () => {
    const bytes = vector(id);
    const at = bytes.length > IPV6_HEADER_LENGTH ? IPV6_HEADER_LENGTH : 0;
    assert.deepEqual(readTrailers(bytes, at), { ...NO_TRAILERS, ...want });
  });
}

for (const id of ["X1", "X2", "X3"]) {
  test(`verifyAuthentication() holds for ${id}, and for no other byte in what it covers (N12, C-13)`, () => {
    const b = vector(id);
    const { d } = read(b);
    assert.ok(verifyAuthentication(b, d, ALICE.key, hmacSha1));
    for (let at = d.authenticationValueAt; at < b.length; at++) {
      for (const bit of [0x01, 0x80]) {
        b[at]! ^= bit;
        assert.equal(verifyAuthentication(b, d, ALICE.key, hmacSha1), false, `byte ${at}`);
        b[at]! ^= bit;
      }
    }
  });
}
