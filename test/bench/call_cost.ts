/**
 * What a call of libc costs on the runtime that this runs on, as JSON: {@link CallCost} of each, with
 * the garbage that it leaves. Calls that the kernel refuses at once, so that they cost what is around them.
 */
import process from "node:process";
import v8 from "node:v8";
import { Arena } from "#ffi/arena.ts";
import { openLibc } from "#ffi/open.ts";
import { allocationOf } from "#test/memory/allocation.ts";

export interface CallCost {
  readonly name: string;
  readonly nanoseconds: number;
  /** Of a call: bytes of V8, which hands out 256 KiB at a time; objects of JavaScriptCore. */
  readonly garbage: number;
  readonly unit: "bytes" | "objects";
}

const ROUNDS = 25;
const CALLS = 20_000;
/** Of one look at JavaScriptCore's heap. */
const CHUNK = 2_000;

const libc = await openLibc();
const { call } = libc;
const arena = new Arena(libc, 65_536);
const at = arena.address(arena.take(1_024));
const ident = arena.address(arena.cString("teredo"));

/** By what they are given: how many arguments, and which of them have 64 bits. */
const STEPS: readonly (readonly [name: string, step: () => unknown])[] = [
  ["openlog(3), which asks no kernel", () => call.openlog(ident, 0, 8)],
  ["close(-1)", () => call.close(-1)],
  ["recv(-1, ...), 4 arguments", () => call.recv(-1, at, 1_024, 0)],
  ["sendmmsg(-1, ...), 4 arguments", () => call.sendmmsg(-1, at, 64, 0)],
  ["sendto(-1, ...), 6 arguments", () => call.sendto(-1, at, 100, 0, at, 16)],
  ["a call that failed, and its errno", () => call.close(-1) + libc.errno()],
];

const IS_BUN = process.versions["bun"] !== undefined;
const allocated = v8.getHeapStatistics as () => v8.HeapInfo & { total_allocated_bytes: number };

function timeOf(step: () => unknown): number {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) step();
  return (performance.now() - start) * 1e6 / CALLS;
}

async function objectsOf(step: () => unknown): Promise<number> {
  const { objects } = await allocationOf(() => {
    for (let i = 0; i < CHUNK; i++) step();
  });
  return Math.max(0, objects / CHUNK);
}

const costs: CallCost[] = [];
for (const [name, step] of STEPS) {
  for (let round = 0; round < ROUNDS; round++) timeOf(step); // until all is compiled
  const before = IS_BUN ? 0 : allocated().total_allocated_bytes;
  const times = Array.from({ length: ROUNDS }, () => timeOf(step));
  const bytes = IS_BUN ? 0 : allocated().total_allocated_bytes - before;
  costs.push({
    name,
    nanoseconds: times.toSorted((a, b) => a - b)[ROUNDS >> 1]!,
    garbage: IS_BUN ? await objectsOf(step) : bytes / (ROUNDS * CALLS),
    unit: IS_BUN ? "objects" : "bytes",
  });
}
console.log(JSON.stringify(costs));
