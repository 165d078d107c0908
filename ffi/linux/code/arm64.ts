import { type Line, littleEndian, type Part } from "./line.ts";

/** An address goes into a register by 16 bits at a time: movz, then movk for each further part. */
const MOVES = [0xd280_0000, 0xf2a0_0000, 0xf2c0_0000, 0xf2e0_0000];

/** One instruction of 32 bits with the `i`-th 16 bits of a value in it. */
const move = (code: number, register: number, name: string, i: number): Part => (values) => {
  const bits = Math.floor(values[name]! / 2 ** (16 * i)) % 0x1_0000;
  return littleEndian(code + bits * 32 + register, 4);
};

const address = (register: number, name: string): Line[] =>
  MOVES.map((code, i) => [
    `${i === 0 ? "movz" : "movk"} x${register}, {${name}:${i}}, lsl ${16 * i}`,
    move(code, register, name, i),
  ]);

/** A number below 65,536. */
const number = (register: number, name: string): Line => [
  `movz w${register}, {${name}:0}`,
  move(0x5280_0000, register, name, 0),
];

/** See `Code.onEachThread`. A system call keeps all registers but x0. */
export const ON_EACH_THREAD: readonly Line[] = [
  ...address(9, "table"),
  ["next:"],
  ["ldr x8, [x9]", "280140f9"],
  ["tbnz x8, 63, done", "a801f8b7"],
  ["ldp x0, x1, [x9, 8]", "208540a9"],
  ["ldp x2, x3, [x9, 24]", "228d41a9"],
  ["mov x4, 0", "040080d2"],
  ["svc 0", "010000d4"],
  ["tbz x0, 63, good", "c000f8b6"],
  ["add x10, x9, 40", "2aa10091"],
  ["failed:"],
  ["ldxr w11, [x10]", "4b7d5f88"],
  ["add w11, w11, 1", "6b050011"],
  ["stxr w12, w11, [x10]", "4b7d0c88"],
  ["cbnz w12, failed", "acffff35"],
  ["good:"],
  ["add x9, x9, 48", "29c10091"],
  ["b next", "f3ffff17"],
  ["done:"],
  ["mov x8, 178", "481680d2"], // gettid
  ["svc 0", "010000d4"],
  ...address(9, "done"),
  ["place:"],
  ["ldxr w10, [x9]", "2a7d5f88"],
  ["add w11, w10, 1", "4b050011"],
  ["stxr w12, w11, [x9]", "2b7d0c88"],
  ["cbnz w12, place", "acffff35"],
  number(12, "room"),
  ["cmp w10, w12", "5f010c6b"],
  ["b.hs full", "62000054"],
  ["add x11, x9, w10, uxtw 2", "2b492a8b"],
  ["str w0, [x11, 4]", "600500b9"],
  ["full:"],
  ["ret", "c0035fd6"],
];

/** See `Code.lastWords`. The number of the call is still where the caller had put it: w8. */
export const LAST_WORDS: readonly Line[] = [
  number(9, "end"),
  ["cmp w8, w9", "1f01096b"],
  ["csel w9, w8, w9, lo", "0931891a"],
  ...address(1, "number"),
  ["str w9, [x1]", "290000b9"],
  number(0, "file"),
  ["mov x2, 4", "820080d2"],
  ["mov x8, 64", "080880d2"], // write
  ["svc 0", "010000d4"],
  ...address(1, "lines"),
  ["add x1, x1, x9, lsl 9", "2124098b"],
  ["ldrh w2, [x1], 2", "22244078"],
  number(0, "log"),
  ["mov x8, 64", "080880d2"],
  ["svc 0", "010000d4"],
  number(0, "status"),
  ["mov x8, 94", "c80b80d2"], // exit_group
  ["svc 0", "010000d4"],
];
