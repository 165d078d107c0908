import assert from "node:assert/strict";
import test from "node:test";
import {
  AdvertisementReader,
  isAdvertisement,
} from "#src/protocol/client/messages/advertisement.ts";
import { Solicitation } from "#src/protocol/client/messages/solicitation.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { change, concat, fixChecksum, nonceOnly } from "../packets.ts";
import { ALICE, hmacSha1 } from "../server/lab.ts";
import { CLIENT_LOCAL, CLIENT_PORT, fromHex, NONCE, SERVER, vector } from "../vectors.ts";

/** R3, to which M3 is the answer. */
const solicitation = new Solicitation();
solicitation.begin(false, CLIENT_LOCAL, CLIENT_PORT, NONCE);
/** Where the IPv6 packet of M3 starts, and its ICMPv6 message. */
const IPV6 = 21;
const ICMP = IPV6 + 40;

/** M3 with some bytes changed and its checksum made right again. */
function m3(at: number, hex: string): Uint8Array {
  const b = vector("M3");
  b.set(fromHex(hex), at);
  return fixChecksum(b, IPV6);
}

/** M3 with more options at its end. */
function appended(options: Uint8Array): Uint8Array {
  const b = concat(vector("M3"), options);
  b[IPV6 + 5] = 56 + options.length;
  return fixChecksum(b, IPV6);
}

const prefixOption = vector("M3").slice(ICMP + 16, ICMP + 48);

const cases: { name: string; b: Uint8Array; want: Drop; mtu?: number }[] = [
  { name: "M3", b: vector("M3"), want: Drop.None, mtu: 1280 },
  {
    name: "one without an MTU option (P7, M4)",
    b: concat(nonceOnly(), vector("M4")),
    want: Drop.None,
    mtu: 1280,
  },
  {
    name: "one with odd bits in the lower half of the prefix, as a public server sends it (M5)",
    b: concat(nonceOnly(), vector("M5")),
    want: Drop.None,
    mtu: 1280,
  },
  { name: "an MTU of 1400", b: m3(ICMP + 52, "00000578"), want: Drop.None, mtu: 1400 },
  {
    name: "an option of a kind unknown",
    b: appended(fromHex("c801000000000000")),
    want: Drop.None,
  },
  { name: "none with a nonce (C-13, M2)", b: vector("M2"), want: Drop.AuthenticationMissing },
  { name: "another nonce (C-13, N11)", b: change(vector("M3"), 11, 9), want: Drop.NonceMismatch },
  {
    name: "no origin indication (N10)",
    b: concat(nonceOnly(), vector("M2").slice(8)),
    want: Drop.NoOrigin,
  },
  { name: "another link-local (N10)", b: m3(IPV6 + 39, "ff"), want: Drop.DestinationNotOurs },
  { name: "a global source", b: m3(IPV6 + 8, "20"), want: Drop.SourceScope },
  { name: "hop limit 254", b: m3(IPV6 + 7, "fe"), want: Drop.BadHopLimit },
  { name: "a wrong checksum", b: change(vector("M3"), ICMP + 2, 0), want: Drop.BadChecksum },
  { name: "code 1", b: m3(ICMP + 1, "01"), want: Drop.BadAdvertisement },
  { name: "two prefix options (N10)", b: appended(prefixOption), want: Drop.BadAdvertisement },
  { name: "no prefix option", b: m3(ICMP + 16, "c8"), want: Drop.BadAdvertisement },
  { name: "another server's prefix (N10)", b: m3(ICMP + 39, "00"), want: Drop.PrefixMismatch },
  { name: "another service prefix", b: m3(ICMP + 32, "3ffe"), want: Drop.PrefixMismatch },
  { name: "a prefix of 63 bits", b: m3(ICMP + 18, "3f"), want: Drop.PrefixMismatch },
  { name: "an option of length 0", b: m3(ICMP + 17, "00"), want: Drop.BadAdvertisement },
  { name: "an option past the end", b: m3(ICMP + 49, "02"), want: Drop.BadAdvertisement },
  {
    name: "an MTU below IPv6's least",
    b: m3(ICMP + 52, "000004ff"),
    want: Drop.BadAdvertisement,
  },
  { name: "an MTU of 2^32 - 1", b: m3(ICMP + 52, "ffffffff"), want: Drop.BadAdvertisement },
];

for (const { name, b, want, mtu } of cases) {
  test(`AdvertisementReader.read() says ${DROP_NAMES[want]} of ${name} (C-12)`, () => {
    const d = new TeredoDatagram();
    assert.equal(d.parse(b, 0, b.length), Drop.None);
    assert.ok(isAdvertisement(b, d));
    const reader = new AdvertisementReader();
    assert.equal(
      DROP_NAMES[reader.read(b, d, solicitation, SERVICE_PREFIX, SERVER)],
      DROP_NAMES[want],
    );
    if (mtu !== undefined) assert.equal(reader.mtu, mtu);
  });
}

test("AdvertisementReader.read() gives the confirmation (C-13, H2)", () => {
  const b = concat(vector("H2"), vector("M2"));
  const d = new TeredoDatagram();
  d.parse(b, 0, b.length);
  const reader = new AdvertisementReader();
  assert.equal(reader.read(b, d, solicitation, SERVICE_PREFIX, SERVER), Drop.None);
  assert.equal(reader.confirmation, 1);
});

const secure = [
  { id: "X2", name: "a value under our key (C-13)", want: Drop.None },
  { id: "M3", name: "no value (C-13)", want: Drop.AuthenticationFailed },
];

for (const { id, name, want } of secure) {
  test(`AdvertisementReader.read() of a secure client says ${DROP_NAMES[want]} of ${id}: ${name}`, () => {
    const b = vector(id);
    const d = new TeredoDatagram();
    d.parse(b, 0, b.length);
    const asked = new Solicitation({ ...ALICE, authenticate: hmacSha1 });
    asked.begin(false, CLIENT_LOCAL, CLIENT_PORT, NONCE);
    const got = new AdvertisementReader().read(b, d, asked, SERVICE_PREFIX, SERVER);
    assert.equal(DROP_NAMES[got], DROP_NAMES[want]);
  });
}

test("AdvertisementReader.read() of a secure client takes no byte changed on the way (C-13, N12)", () => {
  const asked = new Solicitation({ ...ALICE, authenticate: hmacSha1 });
  asked.begin(false, CLIENT_LOCAL, CLIENT_PORT, NONCE);
  const reader = new AdvertisementReader();
  const d = new TeredoDatagram();
  for (let at = 0; at < vector("X2").length; at++) {
    const b = vector("X2");
    b[at]! ^= 1;
    const isRead = d.parse(b, 0, b.length) === Drop.None &&
      reader.read(b, d, asked, SERVICE_PREFIX, SERVER) === Drop.None;
    // Neither identifier nor lengths are covered; a length that is wrong moves all behind it.
    assert.equal(isRead, at >= 4 && at < 4 + ALICE.clientId.length, `byte ${at}`);
  }
});
