import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { assemble, AssemblyError } from "#src/datapath/linux/bpf/assemble.ts";
import { disassemble } from "#src/datapath/linux/bpf/disassemble.ts";
import {
  add,
  addAtomically,
  and,
  call,
  exit,
  FRAME,
  goTo,
  ifAbove,
  ifAnyBit,
  ifAtLeast,
  ifAtMost,
  ifBelow,
  ifEqual,
  ifEqual32,
  ifNot,
  ifNot32,
  load,
  loadMap,
  loadMapValue,
  loadPacket,
  multiply32,
  network16,
  network32,
  or,
  type Program,
  R0,
  R1,
  R2,
  R6,
  R9,
  set,
  shiftLeft,
  shiftRight,
  shiftRight32,
  type Step,
  store,
  subtract,
  swap,
  xor,
  xor32,
} from "#src/datapath/linux/bpf/steps.ts";
import { toHex } from "#test/protocol/vectors.ts";

const libc = await openLibc();
const arena = new Arena(libc, 4 << 20);

function hexOf(program: Program): string {
  const { at, count } = assemble(arena, program);
  return toHex(arena.u8, at, 8 * count);
}

/** Bytes by the tables of RFC 9669 §3 to §5. */
const STEPS: readonly (readonly [Step, hex: string, text: string])[] = [
  [set(R1, R9), "bf91000000000000", "r1 = r9"],
  [set(R0, -1), "b7000000ffffffff", "r0 = -1"],
  [add(R2, -16), "07020000f0ffffff", "r2 += -16"],
  [add(R2, R0), "0f02000000000000", "r2 += r0"],
  [subtract(R2, R0), "1f02000000000000", "r2 -= r0"],
  [and(R1, 0xffff), "57010000ffff0000", "r1 &= 65535"],
  [or(R1, R2), "4f21000000000000", "r1 |= r2"],
  [xor(R1, -1), "a7010000ffffffff", "r1 ^= -1"],
  [shiftLeft(R1, 16), "6701000010000000", "r1 <<= 16"],
  [shiftRight(R1, 16), "7701000010000000", "r1 >>= 16"],
  [multiply32(R0, 0xffffffff), "24000000ffffffff", "w0 *= 4294967295"],
  [xor32(R0, R2), "ac20000000000000", "w0 ^= w2"],
  [shiftRight32(R0, 16), "7400000010000000", "w0 >>= 16"],
  [swap(R1, 16), "dc01000010000000", "r1 = be16 r1"],
  [swap(R1, 64), "dc01000040000000", "r1 = be64 r1"],
  [load.byte(R0, R6, 14), "71600e0000000000", "r0 = *(u8 *)(r6 + 14)"],
  [load.half(R0, R6, 16), "6960100000000000", "r0 = *(u16 *)(r6 + 16)"],
  [load.word(R0, R6, 76), "61604c0000000000", "r0 = *(u32 *)(r6 + 76)"],
  [load.long(R0, FRAME, -8), "79a0f8ff00000000", "r0 = *(u64 *)(r10 - 8)"],
  [store.byte(FRAME, -1, 7), "720affff07000000", "*(u8 *)(r10 - 1) = 7"],
  [store.half(FRAME, -2, R1), "6b1afeff00000000", "*(u16 *)(r10 - 2) = r1"],
  [store.word(FRAME, -4, 0xffffffff), "620afcffffffffff", "*(u32 *)(r10 - 4) = 4294967295"],
  [store.long(R6, 8, R1), "7b16080000000000", "*(u64 *)(r6 + 8) = r1"],
  [addAtomically(R6, 80, R1), "db16500000000000", "lock *(u64 *)(r6 + 80) += r1"],
  [loadPacket.word(36), "2000000024000000", "r0 = *(u32 *)skb[36]"],
  [loadPacket.half(34), "2800000022000000", "r0 = *(u16 *)skb[34]"],
  [loadMap(R1, 9), "18110000090000000000000000000000", "r1 = map 9"],
  [loadMapValue(R1, 9, 12), "1821000009000000000000000c000000", "r1 = map 9 value + 12"],
  [call(152), "8500000098000000", "call 152"],
  [exit, "9500000000000000", "exit"],
  [goTo("end"), "0500000000000000", "goto end"],
  [ifEqual(R1, 5, "end"), "1501000005000000", "if r1 == 5 goto end"],
  [ifEqual(R1, R2, "end"), "1d21000000000000", "if r1 == r2 goto end"],
  [ifNot(R1, -1, "end"), "55010000ffffffff", "if r1 != -1 goto end"],
  [ifAbove(R1, R2, "end"), "2d21000000000000", "if r1 > r2 goto end"],
  [ifAtLeast(R1, 5, "end"), "3501000005000000", "if r1 >= 5 goto end"],
  [ifBelow(R1, 5, "end"), "a501000005000000", "if r1 < 5 goto end"],
  [ifAtMost(R1, 5, "end"), "b501000005000000", "if r1 <= 5 goto end"],
  [ifAnyBit(R1, 3, "end"), "4501000003000000", "if r1 & 3 goto end"],
  [ifEqual32(R1, 0xffff0000, "end"), "160100000000ffff", "if w1 == 4294901760 goto end"],
  [ifNot32(R1, R2, "end"), "5e21000000000000", "if w1 != w2 goto end"],
];

for (const [step, hex, text] of STEPS) {
  test(`assemble(), disassemble(): ${text}`, () => {
    assert.equal(hexOf([step, "end"]), hex);
    assert.equal(disassemble([step, "end"]), `    0: ${text}`);
  });
}

const LOOP: Program = [
  "begin",
  [ifEqual(R1, 0, "end"), [loadMap(R2, 3)]],
  goTo("begin"),
  "end",
  exit,
];

test("assemble(): labels lead forwards and back, over steps of two places and nested parts", () => {
  assert.equal(
    hexOf(LOOP),
    "1501030000000000" + "18120000030000000000000000000000" + "0500fcff00000000" +
      "9500000000000000",
  );
});

test("disassemble(): labels stand before their steps, whose places are the kernel's", () => {
  assert.equal(
    disassemble(LOOP),
    [
      "begin:",
      "    0: if r1 == 0 goto end",
      "    1: r2 = map 3",
      "    3: goto begin",
      "end:",
      "    4: exit",
    ].join("\n"),
  );
});

const far = (steps: number): Program => [goTo("end"), Array<Step>(steps).fill(exit), "end", exit];
const REFUSED: readonly (readonly [string, Program, RegExp])[] = [
  ["an unknown label", [goTo("end"), exit], /no label end/],
  ["a label that stands twice", ["end", exit, ["end"]], /end stands twice/],
  ["a jump beyond 16 bits", far(0x8000), /jump from 0 to end: 32768 is beyond/],
  ["an offset beyond 16 bits", [load.byte(R0, R6, -0x8001), exit], /offset at 0/],
  ["2^31 where it has a sign", [exit, set(R0, 2 ** 31)], /number at 1: 2147483648/],
  ["2^31 compared with 64 bits", [ifEqual(R0, 2 ** 31, "end"), "end", exit], /number at 0/],
  ["2^31 stored as 64 bits", [store.long(FRAME, -8, 2 ** 31), exit], /number at 0/],
  ["2^32", [multiply32(R0, 2 ** 32), exit], /number at 0/],
  ["less than -2^31", [set(R0, -(2 ** 31) - 1), exit], /number at 0/],
  ["a fraction", [set(R0, 0.5), exit], /number at 0/],
];

for (const [what, program, message] of REFUSED) {
  test(`assemble(): refuses ${what}`, () => {
    assert.throws(() => assemble(arena, program), (error) => {
      assert.ok(error instanceof AssemblyError);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("assemble(): takes the longest jump, and the largest numbers", () => {
  hexOf(far(0x7fff));
  hexOf([set(R0, -(2 ** 31)), set(R0, 2 ** 31 - 1), multiply32(R0, 2 ** 32 - 1), exit]);
});

test("network16(), network32(): what a load of the machine makes of bytes in network order", () => {
  const bytes = Uint8Array.of(0x12, 0x34, 0x56, 0xf8);
  assert.equal(network16(0x1234), new Uint16Array(bytes.buffer)[0]);
  assert.equal(network32(0x123456f8), new Uint32Array(bytes.buffer)[0]);
});
