import process from "node:process";
import { openLibc } from "#ffi/open.ts";
import { ip4 } from "#test/protocol/packets.ts";
import { ALICE } from "#test/protocol/server/lab.ts";
import { mutated } from "#test/datapath/linux/fast_path/server/frames.ts";
import { ServerWorld } from "#test/datapath/linux/fast_path/server/world.ts";
import { mark, reserve } from "../engine/branches.ts";
import { Choices } from "../engine/choices.ts";
import type { Target } from "../engine/target.ts";

const BROADCASTS = [ip4("8.8.8.8")];
/** More than there are reasons. */
const PLACES = 64;

/** Frames that the kernel's program answers, by BPF_PROG_TEST_RUN, and the server's rules as well. */
export const target: Target = {
  name: "server_program",
  unit: 1,
  most: 64,
  seeds: () => [new Uint8Array(8), Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1)],
  open: async () => {
    const libc = await openLibc();
    const worlds = [
      new ServerWorld(libc, {}, BROADCASTS),
      new ServerWorld(libc, { secrets: [ALICE] }, BROADCASTS),
      new ServerWorld(libc, { refuseReserved: true, prefix: 0x3ffe831f, mtu: 1_400 }, BROADCASTS),
    ] as const;
    process.once("exit", () => worlds.forEach((it) => it.close()));
    const places = reserve(PLACES);
    const choices = new Choices();
    const names: string[] = [];
    return (input) => {
      const c = choices.take(input);
      const world = worlds[c.u8() % worlds.length]!;
      const frame = mutated(c);
      const before = world.left;
      const verdict = world.check(frame);
      if (verdict !== "left") return mark(places);
      const after = world.left as Record<string, number>;
      const why =
        Object.keys(after).find((name) =>
          after[name] !== (before as Record<string, number>)[name]
        ) ?? "not ours";
      if (!names.includes(why)) names.push(why);
      mark(places + 1 + names.indexOf(why));
    };
  },
};
