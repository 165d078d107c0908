import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { FREEBSD } from "#ffi/bsd/freebsd.ts";
import { openLibc } from "#ffi/open.ts";
import { bsdKernel } from "#src/datapath/bsd/kernel.ts";
import type { Kernel } from "#src/datapath/kernel.ts";
import { LINUX_KERNEL } from "#src/datapath/linux/kernel.ts";
import { NO_OFFLOADS } from "#src/datapath/offloads.ts";

const libc = await openLibc();
const LENGTH = 1024 * 1024;
/** Blocks start at multiples of this. */
const BLOCK = 64;

const kernels: readonly (readonly [string, Kernel])[] = [
  ["Linux", LINUX_KERNEL],
  ["FreeBSD", bsdKernel({ layout: FREEBSD })],
];

for (const [system, kernel] of kernels) {
  const users = [
    (arena: Arena) => kernel.tunQueue(libc, arena, -1, "teredo", { ...NO_OFFLOADS, tun: true }),
    (arena: Arena) => kernel.nativeSender(libc, arena, -1),
  ];

  test(`arenaLength of ${system} is enough for a queue, and for what sends native packets`, () => {
    for (const use of users) {
      const arena = new Arena(libc, LENGTH);
      arena.take(LENGTH - Math.ceil(kernel.arenaLength / BLOCK) * BLOCK);
      use(arena);
      arena.close();
    }
  });
}

test("an arena that has less than it takes refuses what sends native packets", () => {
  for (const [, kernel] of kernels) {
    const arena = new Arena(libc, LENGTH);
    arena.take(LENGTH - kernel.arenaLength / 2);
    assert.throws(() => kernel.nativeSender(libc, arena, -1), RangeError);
    arena.close();
  }
});
