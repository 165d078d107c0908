import assert from "node:assert/strict";
import test from "node:test";
import { tkills } from "#src/daemon/sandbox/linux/c_library.ts";

/** As Debian, Alpine and Void have them, and a program that is linked with its C library. */
const MAPPED: readonly (readonly [path: string, tkills: boolean])[] = [
  ["/usr/lib/x86_64-linux-gnu/libc.so.6", false],
  ["/lib/x86_64-linux-gnu/libc-2.31.so", false],
  ["/lib/ld-musl-x86_64.so.1", true],
  ["/usr/lib/x86_64-linux-musl/libc.so", true],
  ["/usr/lib/libc.so", true],
  ["/opt/libc.so.6.folder/teredo", true],
];

for (const [path, want] of MAPPED) {
  test(`tkills() where ${path} is in memory: ${want}`, () => {
    const maps = "55d0c0000000-55d0c0001000 r-xp 00000000 fe:00 17    /usr/bin/teredo\n" +
      `7f0000000000-7f0000001000 r-xp 00000000 fe:00 18    ${path}\n` +
      "7fff00000000-7fff00001000 rw-p 00000000 00:00 0    [stack]\n";
    assert.equal(tkills(maps), want);
  });
}
