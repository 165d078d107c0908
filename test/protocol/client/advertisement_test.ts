import assert from "node:assert/strict";
import test from "node:test";
import {
  AdvertisementReader,
  type Expected,
  isAdvertisement,
} from "#src/protocol/client/advertisement.ts";
import { TeredoDatagram } from "#src/protocol/wire/datagram.ts";
import { Drop, DROP_NAMES } from "#src/protocol/drops.ts";
import { SERVICE_PREFIX } from "#src/protocol/wire/teredo_address.ts";
import { change, concat, fixChecksum, nonceOnly } from "../packets.ts";
import { fromHex, NONCE, SERVER, vector } from "../vectors.ts";

const EXPECTED: Expected = {
  linkLocal: vector("A11"),
  nonce: NONCE,
  prefix: SERVICE_PREFIX,
  serverAddress: SERVER,
};
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
    assert.equal(DROP_NAMES[reader.read(b, d, EXPECTED)], DROP_NAMES[want]);
    if (mtu !== undefined) assert.equal(reader.mtu, mtu);
  });
}

test("AdvertisementReader.read() gives the confirmation (C-13, H2)", () => {
  const b = concat(vector("H2"), vector("M2"));
  const d = new TeredoDatagram();
  d.parse(b, 0, b.length);
  const reader = new AdvertisementReader();
  assert.equal(reader.read(b, d, EXPECTED), Drop.None);
  assert.equal(reader.confirmation, 1);
});
