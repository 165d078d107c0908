/**
 * What a call costs under each runtime that runs the program, and what a packet costs its relay:
 *
 *     bun test/bench/runtimes.ts NODE
 *
 * Prints one Markdown table. Packets want root, for the lab; without it only calls are measured.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { BenchLab } from "./bench_lab.ts";
import type { CallCost } from "./call_cost.ts";
import { capacity, cost, type Direction, DIRECTIONS, type Spread } from "./packets.ts";

const [node] = process.argv.slice(2);
if (node === undefined) throw new Error("usage: bun test/bench/runtimes.ts NODE");

const CALLS = "test/bench/call_cost.ts";
const BUNDLE = resolve("dist/teredo.mjs");
const DENO = resolve("node_modules/.bin/deno");
const ROUNDS = 3;
const ATTEMPTS = 6;
const WARMINGS = 3;
const BURSTS = [16, 1] as const;

interface Runtime {
  readonly name: string;
  readonly calls: readonly string[];
  readonly program: readonly string[];
}

const version = (...argv: readonly [string, ...string[]]) =>
  /\d+\.\d+\.\d+/.exec(execFileSync(argv[0], argv.slice(1), { encoding: "utf8" }))![0];

const RUNTIMES: readonly Runtime[] = [
  {
    name: `Bun ${process.versions.bun}, compiled`,
    calls: [process.execPath, CALLS],
    program: [resolve("dist/teredo")],
  },
  {
    name: `Deno ${version(DENO, "--version")}`,
    calls: [DENO, "run", "-A", "--no-check", CALLS],
    program: [DENO, "run", "-A", BUNDLE],
  },
  {
    name: `Node ${version(node, "--version")}`,
    calls: [node, "--disable-warning=ExperimentalWarning", CALLS],
    program: [node, "--disable-warning=ExperimentalWarning", BUNDLE],
  },
];

function callCosts({ calls }: Runtime): CallCost[] {
  const [program, ...args] = calls;
  return JSON.parse(execFileSync(program!, args, { encoding: "utf8" }));
}

/** Medians, in microseconds, as the rows name them; undefined: such a load is not carried. */
async function packetCosts(
  { program }: Runtime,
  folder: string,
): Promise<Map<string, number | undefined>> {
  const command = join(folder, "teredo");
  const words = program.map((word) => `'${word}'`).join(" ");
  writeFileSync(command, `#!/bin/sh\nexec ${words} "$@"\n`);
  chmodSync(command, 0o755);
  process.env["TEREDO_BIN"] = command;
  const lab = await BenchLab.create({ maker: "teredo", workers: 1 });
  try {
    await lab.warm();
    const found = new Map<string, number | undefined>();
    for (const burst of BURSTS) {
      for (const direction of DIRECTIONS) {
        const spread: Spread = { size: 88, peers: 64, burst };
        // As much as goes through: each engine has its own idea of when code is worth compiling.
        for (let i = 0; i < WARMINGS; i++) await capacity(lab, direction, spread);
        const rounds: number[] = [];
        for (let attempt = 0; attempt < ATTEMPTS && rounds.length < ROUNDS; attempt++) {
          // One in which others kept the machine busy counts for none.
          const round = await cost(lab, direction, spread).catch(() => {});
          if (round !== undefined) rounds.push(round);
        }
        found.set(packetRow(direction, burst), median(rounds));
      }
    }
    return found;
  } finally {
    await lab.close();
  }
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function packetRow(direction: Direction, burst: number): string {
  return `a packet of 88 bytes, ${direction}, ${burst === 1 ? "scattered" : "bursts of 16"}`;
}

/** By row, by runtime. */
const table = new Map<string, string[]>();
const add = (row: string, cell: string) => table.set(row, [...(table.get(row) ?? []), cell]);

for (const runtime of RUNTIMES) {
  for (const { name, nanoseconds, garbage, unit } of callCosts(runtime)) {
    const left = garbage < 1 ? "no garbage" : `${Math.round(garbage)} ${unit} of garbage`;
    add(name, `${Math.round(nanoseconds)} ns, ${left}`);
  }
}
if (process.getuid!() === 0) {
  const folder = mkdtempSync(join(tmpdir(), "teredo-runtimes-"));
  try {
    for (const runtime of RUNTIMES) {
      for (const [row, microseconds] of await packetCosts(runtime, folder)) {
        add(row, microseconds === undefined ? "not carried" : `${microseconds.toFixed(2)} us`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
console.log(`|  | ${RUNTIMES.map(({ name }) => name).join(" | ")} |`);
console.log(`| --- |${" --- |".repeat(RUNTIMES.length)}`);
for (const [row, cells] of table) console.log(`| ${row} | ${cells.join(" | ")} |`);
