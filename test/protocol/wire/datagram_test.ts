import assert from "node:assert/strict";
import test from "node:test";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { concat, nonceOnly, origin } from "../packets.ts";
import { fromHex, toHex, vector } from "../vectors.ts";

const BUBBLE = vector("B1");
const ORIGIN = origin(0x01020304, 337); // RFC 4380 §5.1.1, its own example
const NONCE_ONLY = nonceOnly();
const EMPTY = new Uint8Array(0);

/** Authentication with identifier and value of the given lengths. */
const authentication = (idLength: number, valueLength: number) =>
  concat(
    Uint8Array.of(0, 1, idLength, valueLength),
    new Uint8Array(idLength).fill(0x11),
    new Uint8Array(valueLength).fill(0x22),
    fromHex("0102030405060708 07"),
  );

const CASES: readonly { what: string; bytes: Uint8Array; drop: Drop; ipv6At?: number }[] = [
  { what: "a bare bubble", bytes: BUBBLE, drop: Drop.None, ipv6At: 0 },
  { what: "origin, bubble", bytes: concat(ORIGIN, BUBBLE), drop: Drop.None, ipv6At: 8 },
  {
    what: "authentication, bubble",
    bytes: concat(NONCE_ONLY, BUBBLE),
    drop: Drop.None,
    ipv6At: 13,
  },
  {
    what: "authentication, origin, bubble",
    bytes: concat(NONCE_ONLY, ORIGIN, BUBBLE),
    drop: Drop.None,
    ipv6At: 21,
  },
  {
    what: "the longest authentication",
    bytes: concat(authentication(255, 255), ORIGIN, BUBBLE),
    drop: Drop.None,
    ipv6At: 13 + 510 + 8,
  },
  { what: "nothing", bytes: EMPTY, drop: Drop.Truncated },
  { what: "one byte", bytes: fromHex("60"), drop: Drop.Truncated },
  { what: "39 bytes", bytes: BUBBLE.slice(0, 39), drop: Drop.Truncated },
  { what: "an authentication alone", bytes: NONCE_ONLY, drop: Drop.Truncated },
  { what: "an authentication cut short", bytes: NONCE_ONLY.slice(0, 12), drop: Drop.Truncated },
  {
    what: "an identifier past the end",
    bytes: concat(fromHex("0001ff00"), new Uint8Array(16)),
    drop: Drop.Truncated,
  },
  { what: "an origin alone", bytes: ORIGIN, drop: Drop.Truncated },
  { what: "an origin cut short", bytes: ORIGIN.slice(0, 7), drop: Drop.Truncated },
  { what: "two origins", bytes: concat(ORIGIN, ORIGIN, BUBBLE), drop: Drop.NotTeredo },
  {
    what: "two authentications",
    bytes: concat(NONCE_ONLY, NONCE_ONLY, BUBBLE),
    drop: Drop.NotTeredo,
  },
  {
    what: "an authentication after the origin",
    bytes: concat(ORIGIN, NONCE_ONLY, BUBBLE),
    drop: Drop.NotTeredo,
  },
  {
    what: "an unknown encapsulation",
    bytes: concat(fromHex("0002"), BUBBLE),
    drop: Drop.NotTeredo,
  },
  { what: "IPv4", bytes: concat(fromHex("4500"), BUBBLE), drop: Drop.NotIpv6 },
  { what: "IPv4 behind an origin", bytes: concat(ORIGIN, fromHex("4500")), drop: Drop.NotIpv6 },
  {
    what: "a payload length past the end",
    bytes: concat(fromHex("6000000000013b00"), new Uint8Array(32)),
    drop: Drop.BadLength,
  },
  {
    what: "the longest payload length",
    bytes: concat(fromHex("60000000ffff3b00"), new Uint8Array(1240)),
    drop: Drop.BadLength,
  },
];

for (const { what, bytes, drop, ipv6At } of CASES) {
  test(`TeredoDatagram.parse() says ${DROP_NAMES[drop]} of ${what} (S-02, R-20, N8)`, () => {
    const d = new TeredoDatagram();
    assert.equal(DROP_NAMES[d.parse(bytes, 0, bytes.length)], DROP_NAMES[drop]);
    if (ipv6At !== undefined) assert.equal(d.ipv6At, ipv6At);
  });
}

test("TeredoDatagram.parse() finds the fields of the authentication", () => {
  const bytes = concat(fromHex("eeee"), authentication(3, 5), BUBBLE);
  const d = new TeredoDatagram();
  assert.equal(d.parse(bytes, 2, bytes.length - 2), Drop.None);
  assert.equal(d.authenticationAt, 2);
  assert.equal(toHex(bytes, d.clientIdAt, d.clientIdLength), "111111");
  assert.equal(toHex(bytes, d.authenticationValueAt, d.authenticationValueLength), "2222222222");
  assert.equal(toHex(bytes, d.nonceAt, 8), "0102030405060708");
  assert.equal(d.confirmation, 7);
  assert.equal(d.originAt, -1);
});

test("TeredoDatagram.parse() says where trailers begin and end (RFC 6081 §4)", () => {
  const bytes = concat(ORIGIN, vector("T6"));
  const d = new TeredoDatagram();
  assert.equal(d.parse(bytes, 0, bytes.length), Drop.None);
  assert.equal(d.ipv6Length, 40);
  assert.equal(toHex(bytes, d.trailersAt, d.end - d.trailersAt), "0104deadbeef050204b1");
  assert.equal(d.parse(BUBBLE, 0, 40), Drop.None);
  assert.equal(d.trailersAt, d.end);
});

test("TeredoDatagram.parse() forgets the headers of the datagram before", () => {
  const d = new TeredoDatagram();
  const full = concat(NONCE_ONLY, ORIGIN, BUBBLE);
  d.parse(full, 0, full.length);
  d.parse(BUBBLE, 0, BUBBLE.length);
  assert.equal(d.authenticationAt, -1);
  assert.equal(d.originAt, -1);
});
