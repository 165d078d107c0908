import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { callsOf } from "#ffi/linux/calls/mod.ts";

/** What the headers of each processor are, to the one compiler that is here. arch/arm64/include/uapi/asm/unistd.h */
const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  x64: ["-include", "asm/unistd_64.h"],
  arm64: [
    ..."RENAMEAT NEW_STAT SET_GET_RLIMIT TIME32_SYSCALLS SYS_CLONE3 MEMFD_SECRET".split(" ")
      .map((name) => `-D__ARCH_WANT_${name}`),
    "-include",
    "asm-generic/unistd.h",
  ],
};

function preprocessed(args: readonly string[], input: string): string {
  const { status, stdout, stderr, error } = spawnSync(
    "gcc",
    ["-E", "-P", ...args, "-x", "c", "-"],
    { input, encoding: "utf8" },
  );
  assert.equal(status, 0, `a C compiler is needed here: ${error?.message ?? stderr}`);
  return stdout;
}

/** Names and numbers of all calls that the headers have. */
function inHeaders(architecture: string): Map<string, number> {
  const include = INCLUDES[architecture]!;
  const macros = preprocessed(["-dM", ...include], "");
  const names = [...macros.matchAll(/^#define __NR_(\w+) /gm)].map(([, name]) => name!)
    .filter((name) => !["syscalls", "arch_specific_syscall"].includes(name));
  const values = preprocessed(include, names.map((name) => `"${name}" __NR_${name}`).join("\n"));
  return new Map(
    [...values.matchAll(/"(?:3264_)?(\w+)" \(?(\d+)(?: \+ (\d+)\))?/g)]
      .map(([, name, value, more = "0"]) => [name!, Number(value) + Number(more)]),
  );
}

for (const architecture of Object.keys(INCLUDES)) {
  test(`callsOf("${architecture}") has the numbers that the kernel's headers have`, {
    timeout: 600_000,
  }, () => {
    const calls = callsOf(architecture);
    const found = inHeaders(architecture);
    assert.ok(found.size > 300, `${found.size} calls`);
    const wrong = [...found].filter(([name, number]) => calls.numberOf(name) !== number);
    assert.deepEqual(wrong.filter(([, number]) => number < calls.end), []);
    for (const [name, number] of found) {
      if (number < calls.end) assert.equal(calls.nameOf(number), name);
    }
  });
}

test("callsOf: what has no name has no number, and the other way round", () => {
  const calls = callsOf("x64");
  assert.deepEqual([calls.nameOf(400), calls.nameOf(calls.end), calls.nameOf(-1)], [
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual([calls.numberOf("-"), calls.numberOf("brk2")], [undefined, undefined]);
  assert.equal(callsOf("mips").end, 0);
});
