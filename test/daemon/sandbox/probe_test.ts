import assert from "node:assert/strict";
import test from "node:test";
import type { Libc } from "#ffi/libc.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import { ENOSYS } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { checkSandbox } from "#src/daemon/sandbox/probe.ts";

const real = await openLibc();
const LANDLOCK = callsOf().numberOf("landlock_create_ruleset");

/** A kernel with this version of Landlock, 0 for none, and with a filter of calls or without. */
function kernel(landlock: number, seccomp: boolean): Libc {
  const answer = (number: number) => {
    if (number === LANDLOCK) return landlock === 0 ? -1 : landlock;
    return seccomp ? 0 : -1;
  };
  const call = { ...real.call, syscall: answer } as unknown as Libc["call"];
  return { ...real, call, errno: () => ENOSYS };
}

const KERNELS:
  readonly (readonly [landlock: number, seccomp: boolean, verdict: string, text: RegExp])[] = [
    [7, true, "ok", /^Landlock version 7: files, TCP, abstract sockets, signals; seccomp$/],
    [3, true, "ok", /^Landlock version 3: files; seccomp$/],
    [0, true, "note", /^the kernel has no Landlock: ENOSYS .*; seccomp$/],
    [7, false, "note", /^Landlock version 7: .*; .*ENOSYS/],
    [0, false, "note", /^the kernel has no Landlock: ENOSYS/],
  ];

for (const [landlock, seccomp, verdict, text] of KERNELS) {
  test(`checkSandbox() with Landlock ${landlock} and ${seccomp ? "a" : "no"} filter: ${verdict}`, () => {
    const result = checkSandbox(kernel(landlock, seccomp), "auto");
    assert.equal(result.verdict, verdict);
    assert.match(result.detail, text);
  });
}

test("checkSandbox() warns of one that is off, or refuses nothing", () => {
  for (const mode of ["off", "log"] as const) {
    assert.equal(checkSandbox(kernel(7, true), mode).verdict, "warn");
  }
});
