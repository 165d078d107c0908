import assert from "node:assert/strict";
import test from "node:test";
import { callsOf, type FunctionName, LIBC, symbolsOf } from "#ffi/libc.ts";
import { platformOf } from "#ffi/platform.ts";
import { TARGETS } from "./sources.ts";

/** A library of those symbols; each function answers with its own name and its arguments. */
const library = (symbols: readonly string[]) =>
  Object.fromEntries(
    symbols.map((symbol) => [symbol, (...args: readonly number[]) => [symbol, ...args]]),
  );

/** What a call answers here is no number: the test's library gives its name. */
const answer = (value: unknown): unknown => value;

test("platformOf() gives each BSD its own layout, by process.platform and process.arch", () => {
  const systems = {
    freebsd: "FreeBSD",
    openbsd: "OpenBSD",
    netbsd: "NetBSD",
    dragonfly: "DragonFly BSD",
  };
  for (const [kernel, system] of Object.entries(systems)) {
    for (const architecture of ["x64", "arm64"]) {
      const { layout } = platformOf(kernel, architecture);
      assert.equal(layout.system, system);
      const wide = kernel === "netbsd" && architecture === "arm64";
      assert.equal(layout.CMSG_ALIGNMENT, wide ? 16 : 8, `${kernel} ${architecture}`);
    }
    assert.throws(() => platformOf(kernel, "riscv64"), /^PlatformError: riscv64 is not supported/);
  }
});

/** SHLIB_MAJOR of each system's lib/libc; OpenBSD's changes with each release, and needs no number. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  freebsd: ["libc.so.7"],
  openbsd: ["libc.so"],
  netbsd: ["libc.so.12"],
  dragonfly: ["libc.so.8"],
};

for (const { name, system, platform: { names, libcPaths } } of TARGETS) {
  test(`symbolsOf() asks the libc of ${name} for what it has, by its own names`, () => {
    const symbols = symbolsOf(names);
    const total = Object.keys(LIBC).length;
    assert.equal(symbols.length, total - names.missing.length);
    assert.equal(new Set(symbols.map(({ symbol }) => symbol)).size, symbols.length);
    for (const missing of names.missing) {
      assert.ok(!symbols.some(({ symbol }) => symbol === missing), missing);
    }
    assert.deepEqual(libcPaths, LIBRARIES[system]);
  });

  test(`callsOf() reaches every function of the libc of ${name}, and throws for the others`, () => {
    const calls = callsOf(names, library(symbolsOf(names).map(({ symbol }) => symbol)));
    for (const key of Object.keys(LIBC) as FunctionName[]) {
      const call = calls[key] as (...args: readonly number[]) => unknown;
      if (names.missing.includes(key)) {
        assert.throws(() => call(1), { message: `this C library has no ${key}()` });
      } else {
        assert.deepEqual(answer(call(1, 2)), [names.symbols[key] ?? key, 1, 2]);
      }
    }
  });
}

test("on NetBSD, socket() is not what old programs call by that name", () => {
  const { names } = platformOf("netbsd", "x64");
  const symbols = symbolsOf(names);
  const socket = symbols.find(({ symbol }) => symbol === "__socket30");
  assert.deepEqual(socket, { symbol: "__socket30", ...LIBC.socket });
  assert.ok(!symbols.some(({ symbol }) => symbol === "socket"));
  // A libc that has both: only the new one is called.
  const calls = callsOf(names, library(["socket", "__socket30"]));
  assert.deepEqual(answer(calls.socket(24, 2, 17)), ["__socket30", 24, 2, 17]);
});

test("DragonFly BSD has neither recvmmsg() nor sendmmsg(), the others have both", () => {
  for (const { name, platform } of TARGETS) {
    for (const call of ["recvmmsg", "sendmmsg"] as const) {
      assert.equal(platform.names.missing.includes(call), name === "dragonfly x64", name);
    }
  }
});
