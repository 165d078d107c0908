import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import test from "node:test";
import fc from "fast-check";
import {
  align,
  attribute,
  cString,
  message,
  readAttributes,
  readString,
  readU32,
  u32,
  u8,
} from "#src/datapath/linux/netlink/message.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("message() lays out a structure and its attributes as the kernel reads them", () => {
  // struct ifinfomsg: interface 7, IFF_UP set, change mask IFF_UP; IFLA_MTU 1280.
  const setLink = message(16, [[4, 4, 7], [8, 4, 1], [12, 4, 1]], attribute(4, u32(1280)));
  assert.equal(hex(setLink), "00000000070000000100000001000000" + "0800040000050000");
  // struct rtmsg: 2001::/32 in table main, made at boot, unicast; RTA_OIF 7.
  const route = message(12, [[0, 1, 10], [1, 1, 32], [4, 1, 254], [5, 1, 3], [7, 1, 1]]);
  assert.equal(hex(route), "0a200000fe03000100000000");
  // Nested: IFLA_AF_SPEC { AF_INET6 { IFLA_INET6_ADDR_GEN_MODE 1 } }, each padded to 4 bytes.
  const nested = attribute(26, attribute(10, attribute(8, u8(1))));
  assert.equal(hex(nested), "10001a00" + "0c000a00" + "0500080001000000");
});

test("readAttributes() gives back what attribute() wrote", () => {
  const entries = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 0x3fff }), fc.uint8Array({ maxLength: 40 })),
    { selector: ([type]) => type, maxLength: 8 },
  );
  fc.assert(fc.property(entries, fc.uint8Array({ maxLength: 16 }), (list, header) => {
    const head = message(align(header.length), [...header].map((byte, i) => [i, 1, byte] as const));
    const attributes = list.map(([type, payload]) => attribute(type, payload));
    const bytes = message(0, [], head, ...attributes);
    const found = readAttributes(bytes, head.length);
    assert.equal(found.size, list.length);
    for (const [type, payload] of list) assert.deepEqual([...found.get(type)!], [...payload]);
  }));
});

test("readAttributes() reads any bytes without leaving them or hanging", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(220), (bytes, at) => {
    for (const payload of readAttributes(bytes, at).values()) {
      assert.ok(payload.byteOffset >= bytes.byteOffset);
      assert.ok(payload.byteOffset + payload.length <= bytes.byteOffset + bytes.length);
    }
  }));
});

test("readU32() and readString() take what is there", () => {
  assert.equal(readU32(u32(0xfedc_ba98)), 0xfedc_ba98);
  assert.equal(readU32(Uint8Array.of(1, 2, 3)), undefined);
  assert.equal(readU32(undefined), undefined);
  assert.equal(readString(cString("teredo")), "teredo");
  assert.equal(readString(Uint8Array.of(0x61, 0x62)), "ab");
  assert.equal(readString(undefined), undefined);
});
