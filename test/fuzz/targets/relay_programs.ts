import process from "node:process";
import { openLibc } from "#ffi/open.ts";
import { REASON_NAMES } from "#src/datapath/linux/fast_path/reasons.ts";
import {
  anyCase,
  isAstray,
  play,
  SERVED_PREFIXES,
  shortestRun,
} from "#test/datapath/linux/fast_path/oracle.ts";
import { World } from "#test/datapath/linux/fast_path/world.ts";
import { Prng } from "#test/sim/prng.ts";
import { mark, reserve } from "../engine/branches.ts";
import { Choices } from "../engine/choices.ts";
import type { Target } from "../engine/target.ts";

/** Why frames were left, and that they were carried, each way: the kernel's branches. */
const KINDS = REASON_NAMES.length + 1;

/** Frames that the kernel's programs judge, by BPF_PROG_TEST_RUN, and the relay's rules after them. */
export const target: Target = {
  name: "relay_programs",
  unit: 4,
  most: 64,
  seeds: () => [0, 1, 2, 3].map((n) => Uint8Array.of(n, 0, 0, 0, 0, n, n, 0, 0, 0, 0, 0)),
  open: async () => {
    const libc = await openLibc();
    const worlds = [new World(libc, undefined), new World(libc, SERVED_PREFIXES)] as const;
    process.once("exit", () => worlds.forEach((it) => it.close()));
    const places = reserve(2 * KINDS);
    const choices = new Choices();
    return (input) => {
      const c = choices.take(input);
      const world = worlds[c.u8() & 1]!;
      const noise = new Prng(c.u16());
      const one = anyCase(world, c, noise);
      // The lease of such a peer is one that the datapath would have taken back.
      if (one.way === "down" && isAstray(one.peer)) return;
      if (one.frame.length < shortestRun(one.frame)) return;
      const before = world.leftByReason;
      play(world, one, "fuzz");
      const left = world.leftByReason.findIndex((count, reason) => count !== before[reason]);
      mark(places + (one.way === "up" ? 0 : KINDS) + left + 1);
    };
  },
};
