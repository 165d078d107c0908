import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { BPF_PROG_TYPE_SCHED_CLS, SK_BUFF_DATA_AT, SK_BUFF_DATA_END_AT } from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { loadProgram } from "#src/datapath/linux/bpf/load.ts";
import {
  add,
  exit,
  ifAbove,
  load,
  type Program,
  R0,
  R1,
  R2,
  R3,
  set,
} from "#src/datapath/linux/bpf/steps.ts";
import { fold } from "#src/datapath/linux/fast_path/parts.ts";
import { Runner } from "#test/datapath/linux/bpf/runner.ts";

const libc = await openLibc();
const AT = 16;

/** Returns the 64 bits at {@link AT} of a frame, folded. */
const FOLDING: Program = [
  load.word(R2, R1, SK_BUFF_DATA_AT),
  load.word(R3, R1, SK_BUFF_DATA_END_AT),
  set(R0, R2),
  add(R0, AT + 8),
  ifAbove(R0, R3, "short"),
  load.long(R0, R2, AT),
  fold(R0, R1),
  exit,
  "short",
  set(R0, -1),
  exit,
];

/** RFC 1071 §1: 0 only if all is 0. */
function folded(sum: bigint): number {
  return sum === 0n ? 0 : Number((sum - 1n) % 0xffffn) + 1;
}

/** Also those that carry in every one of three steps. */
const SUMS = [
  ...[0n, 1n, 0xfffen, 0xffffn, 0x10000n, 0x1_fffen, 0x1_ffffn, 0xffff_0001n, 0xffff_ffffn],
  ...[2n ** 32n, 2n ** 37n - 1n, 0x12_fffe_ffffn, 0x1f_fff0_ffffn, 2n ** 48n - 1n],
  ...Array.from({ length: 64 }, (_, i) => 0x3_ffff_ffffn - 0xfffn * BigInt(i)),
  ...Array.from({ length: 64 }, (_, i) => 0x4_fff0_fff0n + BigInt(i)),
];

test("fold(): the ones-complement sum of RFC 1071, however often it carries", () => {
  const arena = new Arena(libc, 1 << 20);
  const program = loadProgram(libc, arena, BPF_PROG_TYPE_SCHED_CLS, "fold", FOLDING);
  const runner = new Runner(libc, arena);
  const [at, outAt] = [arena.take(64), arena.take(64)];
  const view = new DataView(arena.memory.buffer);
  for (const sum of SUMS) {
    view.setBigUint64(at + AT, sum, true);
    const frame = {
      at,
      length: 64,
      outAt,
      capacity: 64,
      contextAt: 0,
      contextLength: 0,
    };
    assert.equal(runner.run(program, frame), folded(sum), `0x${sum.toString(16)}`);
  }
  libc.call.close(program);
});
