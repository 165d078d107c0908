import assert from "node:assert/strict";
import test from "node:test";
import { parseIpv6 } from "#src/protocol/wire/ipv6.ts";
import {
  CONE_FLAG,
  flagsOf,
  hasConeFlag,
  hasMapping,
  isTeredo,
  mappedAddressOf,
  mappedPortOf,
  RANDOM_FLAGS,
  readTeredoAddress,
  serverAddressOf,
  SERVICE_PREFIX,
  toBytes,
} from "#src/protocol/wire/teredo_address.ts";
import { ip4 } from "../packets.ts";
import { CLIENT, CLIENT_PORT, SERVER, vector } from "../vectors.ts";

test("the fields of A1 are where RFC 4380 §4 says", () => {
  const a1 = vector("A1");
  assert.ok(isTeredo(a1, 0, SERVICE_PREFIX));
  assert.equal(serverAddressOf(a1, 0), SERVER);
  assert.equal(flagsOf(a1, 0), CONE_FLAG);
  assert.equal(mappedPortOf(a1, 0), CLIENT_PORT);
  assert.equal(mappedAddressOf(a1, 0), CLIENT);
});

test("hasConeFlag() reads the first bit of the flags and no other (S-20, R5)", () => {
  assert.ok(hasConeFlag(vector("A1"), 0));
  assert.ok(hasConeFlag(vector("A10"), 0));
  for (const id of ["A2", "A3", "A4", "A11"]) assert.equal(hasConeFlag(vector(id), 0), false, id);
  assert.equal(hasConeFlag(parseIpv6("fe80::ffff:ffff:ffff")!, 0), false);
  assert.ok(hasConeFlag(parseIpv6("fe80::8000:5445:5245:444f")!, 0));
});

test("hasMapping() matches address and port, whatever the flags (S-06, R-21, P6, N4)", () => {
  const miredo = parseIpv6("2001:0:c000:201:8000:cfc6:3fff:fd74")!;
  assert.ok(hasMapping(miredo, 0, ip4("192.0.2.139"), 12_345));
  assert.equal(hasMapping(miredo, 0, ip4("192.0.2.139"), 12_346), false);
  assert.equal(hasMapping(miredo, 0, ip4("192.0.2.140"), 12_345), false);
  for (const id of ["A1", "A2", "A3", "A4"]) {
    assert.ok(hasMapping(vector(id), 0, CLIENT, CLIENT_PORT), id);
  }
});

test("isTeredo() looks at 32 bits: ff02:: is none, nor is 2001:ff::", () => {
  for (const text of ["ff02::", "2001:ff::", "2001:1::", "2002::", "3ffe:831f::"]) {
    assert.equal(isTeredo(parseIpv6(text)!, 0, SERVICE_PREFIX), false, text);
  }
  assert.ok(isTeredo(parseIpv6("2001::")!, 0, SERVICE_PREFIX));
});

test("toBytes() keeps the extremes: port 0 and 65535, address 0 and ffffffff (P8)", () => {
  for (const mappedPort of [0, 65_535]) {
    for (const mappedAddress of [0, 0x80000000, 0xffffffff]) {
      const address = {
        prefix: SERVICE_PREFIX,
        serverAddress: 0xffffffff,
        flags: RANDOM_FLAGS,
        mappedAddress,
        mappedPort,
      };
      assert.deepEqual(readTeredoAddress(toBytes(address)), address);
    }
  }
});

test("RANDOM_FLAGS are 12 bits and none of cone, z, U and G (RFC 5991 §3.1)", () => {
  assert.equal(RANDOM_FLAGS.toString(2).replaceAll("0", "").length, 12);
  assert.equal(RANDOM_FLAGS & (0x8000 | 0x4000 | 0x0300), 0);
});
