import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { inetAton } from "#src/config/kinds/inet_aton.ts";
import {
  boolean,
  duration,
  integer,
  ipv4,
  type Kind,
  orAuto,
  size,
  type Syntax,
} from "#src/config/kinds/mod.ts";
import {
  interfaceName,
  ipAddress,
  MAX_SERVED,
  prefix32,
  served,
} from "#src/config/kinds/network.ts";
import { ENTRIES } from "#src/config/settings.ts";
import { facility, path, pathOrNo, userName } from "#src/config/kinds/system.ts";

const value = (kind: Kind<unknown>, text: string, syntax: Syntax = "native"): unknown => {
  const parsed = kind.parse(text, syntax);
  return "problem" in parsed ? undefined : parsed.value;
};

const accepted: readonly (readonly [string, Kind<unknown>, string, unknown, Syntax?])[] = [
  ["yes", boolean, "yes", true],
  ["On", boolean, "On", true],
  ["off", boolean, "off", false],
  ["duration in ms", duration(0, 9000), "500ms", 500],
  ["duration in s", duration(0, 9000), "2s", 2000],
  ["duration in s, with a blank", duration(0, 9000), "2 s", 2000],
  ["duration in min", duration(0, 9e6), "5min", 300_000],
  ["duration in m", duration(0, 9e6), "2m", 120_000],
  ["duration in h", duration(0, 9e6), "1h", 3_600_000],
  ["no time, without a unit", duration(0, 9e6), "0", 0],
  ["a time without a unit, where one is agreed on", duration(0, 9e6, 1), "250", 250],
  ["size in bytes", size(0, 9e9), "10240", 10_240],
  ["size in KiB", size(0, 9e9), "10KiB", 10_240],
  ["size in MiB", size(0, 9e9), "16MiB", 16_777_216],
  ["integer", integer(0, 65535), "3545", 3545],
  ["zero", integer(0, 65535), "0", 0],
  ["hexadecimal, for Miredo", integer(0, 65535), "0x10", 16, "miredo"],
  ["octal, for Miredo", integer(0, 65535), "010", 8, "miredo"],
  ["plus sign, for Miredo", integer(0, 65535), "+5", 5, "miredo"],
  ["IPv4 address", ipv4, "192.0.2.1", 0xc0000201],
  ["prefix", prefix32, "2001::", 0x20010000],
  ["prefix with a length", prefix32, "2001:db8::/32", 0x20010db8],
  ["interface template", interfaceName, "tun%d", "tun%d"],
  ["interface with a dot", interfaceName, "teredo.1", "teredo.1"],
  ["IPv6 listen address", ipAddress, "::1", "::1"],
  ["user", userName, "miredo-server", "miredo-server"],
  ["path", path, "/run/teredo.pid", "/run/teredo.pid"],
  ["none in place of a path", pathOrNo, "no", "no"],
  ["a path where there may be none", pathOrNo, "/no", "/no"],
  ["facility", facility, "local7", "local7"],
  ["facility in capitals, for Miredo", facility, "Local7", "local7", "miredo"],
  ["any", served, "any", "any"],
  ["auto", orAuto(integer(1, 64)), "auto", "auto"],
  ["a number instead of auto", orAuto(integer(1, 64)), "64", 64],
];

for (const [name, kind, text, want, syntax] of accepted) {
  test(`Kind.parse() takes ${name}`, () => {
    assert.deepEqual(value(kind, text, syntax), want);
  });
}

const refused: readonly (readonly [string, Kind<unknown>, readonly string[]])[] = [
  ["boolean", boolean, ["", "1", "y", "maybe"]],
  ["duration", duration(100, 9000), [
    "2",
    "0",
    "2M",
    "1.5s",
    "99ms",
    "10s",
    "-1s",
    "2S",
    "0x2s",
    "s",
  ]],
  ["size", size(1280, 9000), ["10k", "10KB", "10kib", "1279", "9001", "1e3", "-1"]],
  ["integer", integer(0, 65535), ["", "-1", "65536", "0x10", "010", "1e3", "1.0", "1 2", "+1"]],
  ["IPv4 address", ipv4, ["10.1", "1.2.3.256", "01.2.3.4", "localhost", "::1", "1.2.3.4/24"]],
  ["prefix", prefix32, ["2001::/33", "2001:0:1::", "ff02::", "fe80::", "::", "::ffff:1.2.3.4"]],
  ["served", served, ["", "all", "2001:db8::1", "2001:db8::1/32", "10.0.0.0/8", "any, self"]],
  ["interface name", interfaceName, [
    "",
    ".",
    "..",
    "a/b",
    "a:b",
    "a b",
    "%s",
    "%d%d",
    "x".repeat(16),
  ]],
  ["auto or number", orAuto(integer(1, 64)), ["", "0", "65", "AUTO", "automatic", "1.5", "-1"]],
  ["IP address", ipAddress, ["localhost", "*", "fe80::1%eth0", "[::1]", "127.0.0.1:80"]],
  ["user name", userName, ["", "-x", "a b", "x".repeat(40)]],
  ["facility", facility, ["", "Local7", "DAEMON", "local8"]],
  ["path or none", pathOrNo, ["", "No", "none", "teredo.pid"]],
  ["path", path, ["", "teredo.pid", "./x", "/a\nb", '/a"b']],
];

for (const [name, kind, texts] of refused) {
  test(`Kind.parse() refuses what is no ${name}, and says what to write`, () => {
    for (const text of texts) {
      const parsed = kind.parse(text, "native");
      assert.ok("problem" in parsed, text);
      assert.match(parsed.problem, /; write /);
    }
  });
}

test("Kind.parse() takes as many prefixes as are looked at for each packet, and no more", () => {
  const prefixes = (count: number) =>
    Array.from({ length: count }, (_, i) => `2a00:${i.toString(16)}::/32`).join(", ");
  assert.equal((value(served, prefixes(MAX_SERVED)) as unknown[]).length, MAX_SERVED);
  const parsed = served.parse(prefixes(MAX_SERVED + 1), "native");
  assert.deepEqual(parsed, { problem: "257 prefixes; write 1 to 256, `any` or `self`" });
});

test("Kind.parse() is total, in both syntaxes", { timeout: 600_000 }, () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.ipV4(), fc.ipV6());
  fc.assert(fc.property(fc.constantFrom(...ENTRIES), texts, (entry, text) => {
    for (const syntax of ["native", "miredo"] as const) {
      const parsed = entry.kind.parse(text, syntax);
      if ("problem" in parsed) assert.match(parsed.problem, /; (write|for|did|is)/);
      else assert.deepEqual(value(entry.kind, entry.kind.format(parsed.value)), parsed.value);
    }
  }));
});

test("Kind.format() is undone by Kind.parse()", () => {
  const sizes = size(0, 2 ** 40);
  const times = duration(0, 2 ** 40);
  fc.assert(fc.property(fc.nat(2 ** 31), fc.constantFrom(1, 1000, 1024, 60_000), (n, scale) => {
    const number = Math.min(n * scale, 2 ** 39);
    assert.equal(value(sizes, sizes.format(number)), number);
    assert.equal(value(times, times.format(number)), number);
    assert.equal(value(ipv4, ipv4.format(n)), n);
  }));
});

test("inetAton() reads as the C library does", () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ["10.1", 0x0a000001],
    ["10.1.2", 0x0a010002],
    ["0x7f.1", 0x7f000001],
    ["0300.0.2.1", 0xc0000201],
    ["1", 1],
    ["4294967295", 0xffffffff],
    ["4294967296", undefined],
    ["256.1", undefined],
    ["1.2.3.4.5", undefined],
    ["1..2", undefined],
    ["089", undefined],
    ["", undefined],
  ];
  for (const [text, want] of table) assert.equal(inetAton(text), want, text);
});
