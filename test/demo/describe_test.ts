import assert from "node:assert/strict";
import test from "node:test";
import { describe, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "#src/demo/describe.ts";
import { namer } from "#src/demo/text.ts";
import { concat } from "#test/protocol/packets.ts";
import { fromHex, vector } from "#test/protocol/vectors.ts";

const itself = (address: string) => address;

/** IPv4 and UDP headers in front of a payload: 192.0.2.45:40000 to 65.54.227.120:3544. */
function onWire(payload: Uint8Array): Uint8Array {
  const length = (payload.length + 8).toString(16).padStart(4, "0");
  const ipv4 = fromHex("4500 0000 0000 0000 4011 0000 c000022d 4136e378");
  return concat(ipv4, fromHex(`9c40 0dd8 ${length} 0000`), payload);
}

const cases: { id: string; what: RegExp }[] = [
  { id: "R1", what: /^router solicitation \(cone bit 1\) fe80::\S+ > ff02::2$/ },
  { id: "R3", what: /^nonce \| router solicitation \(cone bit 0\) / },
  {
    id: "M1",
    what: /^origin 192\.0\.2\.45:40000 \| router advertisement fe80::8000:f227:bec9:1c87/,
  },
  { id: "M3", what: /^nonce \| origin 192\.0\.2\.45:40000 \| router advertisement / },
  { id: "B2", what: /^origin 203\.0\.113\.9:3545 \| bubble fe80::1234:5678:9abc:def0 > 2001:0:/ },
  { id: "E1", what: /^echo request 1 2001:0:\S+ > 2001:db8::1$/ },
  { id: "E2", what: /^echo reply 1 2001:db8::1 > 2001:0:/ },
  { id: "U1", what: /^unreachable, code 3 / },
  { id: "T6", what: /^bubble 2001:0:\S+ > 2001:0:\S+ \| nonce deadbeef \| port 1201$/ },
  { id: "T7", what: /\| nonce deadbeef \| or 192\.168\.1\.0:4095 \| or 10\.9\.8\.7:5000$/ },
  { id: "A1", what: /^not Teredo \(/ },
];

for (const { id, what } of cases) {
  test(`describe() says what ${id} is`, () => {
    const packet = onWire(vector(id));
    const line = describe(packet, packet.length, ETHERTYPE_IPV4, itself);
    assert.match(line?.what ?? "", what);
    assert.equal(line?.from, "192.0.2.45:40000");
    assert.equal(line?.to, "65.54.227.120:3544");
  });
}

test("describe() reads a ping on the IPv6 link, and leaves neighbour discovery out", () => {
  const echo = vector("E1");
  const line = describe(echo, echo.length, ETHERTYPE_IPV6, itself);
  assert.deepEqual([line?.to, line?.what], ["2001:db8::1", "IPv6: echo request 1"]);
  const neighbour = vector("E1").with(40, 135);
  assert.equal(describe(neighbour, neighbour.length, ETHERTYPE_IPV6, itself), undefined);
});

test("describe() survives every cut of a packet", () => {
  for (const id of ["M3", "B2", "U1", "T7"]) {
    const whole = onWire(vector(id));
    for (let length = 0; length <= whole.length; length++) {
      describe(whole.slice(0, length), length, ETHERTYPE_IPV4, itself);
      describe(whole.slice(0, length), length, ETHERTYPE_IPV6, itself);
    }
  }
});

test("namer() knows the demo's addresses, and gives a number to each of several clients", () => {
  const one = namer(1);
  assert.equal(one("198.51.100.50"), "relay");
  assert.equal(one("198.51.100.20"), "nat");
  assert.equal(one("2001:0:c633:6401::1"), "client");
  assert.equal(one("fe80::1"), "fe80::1");
  const two = namer(2);
  assert.equal(two("198.51.100.21"), "nat2");
  assert.equal(two("198.51.100.121"), "nat2");
  // 198.51.100.20 and .21, obfuscated
  assert.equal(two("2001:0:c633:6401:0:ffff:39cc:9beb"), "client1");
  assert.equal(two("2001:0:c633:6401:0:ffff:39cc:9bea"), "client2");
});
