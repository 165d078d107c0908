import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Arena } from "#ffi/arena.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";
import {
  SECCOMP_DATA_ARGS_AT,
  SECCOMP_DATA_NR_AT,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_TRAP,
  SIZEOF_SOCK_FILTER,
} from "#ffi/linux/mod.ts";
import { openLibc } from "#ffi/open.ts";
import { assembleClassic, classic, type Program } from "#src/datapath/linux/filter_code.ts";

/** Errnos that no kernel gives: what a filter says is told by them, and no call is made. */
export const ALLOWED = 4001;
export const VIOLATION = 4002;

const SOURCE = fileURLToPath(new URL("./filtered.c", import.meta.url));
const STATUS = 42;
const RETURNS = classic.returns(0).code;

/** The number of a call, and its arguments. */
export type Asked = readonly number[];

/** Has real processes make system calls under a filter. */
export class Filtered {
  readonly #folder = mkdtempSync(join(tmpdir(), "teredo-filtered-"));
  readonly #program = join(this.#folder, "filtered");

  constructor() {
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
    this.#run("gcc", ["-w", "-o", this.#program, SOURCE], 0);
  }

  /** What each call is answered with: an errno, {@link ALLOWED} or {@link VIOLATION}. */
  async answers(program: Program, asked: readonly Asked[]): Promise<readonly number[]> {
    const files = ["filter", "calls", "answers"].map((name) => join(this.#folder, name));
    const [filter, calls, answers] = files as [string, string, string];
    writeFileSync(filter, await assembled([...endOf(), ...told(program)]));
    const numbers = asked.flatMap((row) => Array.from({ length: 7 }, (_, i) => row[i] ?? 0));
    writeFileSync(calls, BigInt64Array.from(numbers.map((it) => BigInt(it))));
    writeFileSync(answers, new Int32Array(asked.length));
    this.#run(this.#program, files, STATUS);
    const bytes = readFileSync(answers);
    return asked.map((_, i) => bytes.readInt32LE(4 * i));
  }

  #run(command: string, args: readonly string[], want: number): void {
    const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
    assert.equal(status, want, `${command}: ${error?.message ?? stderr}`);
  }
}

/** The same filter, but that a call is never made. */
function told(program: Program): Program {
  const words = new Map([
    [SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | ALLOWED],
    [SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO | VIOLATION],
  ]);
  return program.map((line) =>
    typeof line !== "string" && line.code === RETURNS
      ? { ...line, k: words.get(line.k) ?? line.k }
      : line
  );
}

/** Lets the process come to its end. */
function endOf(): Program {
  return [
    classic.loadWord(SECCOMP_DATA_NR_AT),
    classic.ifEqual(callsOf().numberOf("exit_group")!, "not the end"),
    classic.loadWord(SECCOMP_DATA_ARGS_AT),
    classic.ifEqual(STATUS, "not the end"),
    classic.returns(SECCOMP_RET_ALLOW),
    "not the end",
  ];
}

async function assembled(program: Program): Promise<Uint8Array> {
  const arena = new Arena(await openLibc(), 64 * 1024);
  const { at, count } = assembleClassic(arena, program);
  const bytes = arena.u8.slice(at, at + SIZEOF_SOCK_FILTER * count);
  arena.close();
  return bytes;
}
