import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { codeFor } from "#ffi/linux/code/mod.ts";
import { encode, type Line, type Values } from "#ffi/linux/code/line.ts";
import { callsOf } from "#ffi/linux/calls/mod.ts";

/** No two parts of any are the same, so that none can stand in for another. */
const VALUES: Values = {
  table: 0x7f12_3456_789a,
  done: 0x7fab_cdef_0123,
  number: 0x7e11_2233_4455,
  lines: 0x7d66_7788_99aa,
  room: 0x4321,
  end: 0x1d3,
  file: 0x2a,
  log: 0x2,
  status: 0x1,
};

const ASSEMBLERS: Readonly<Record<string, readonly [as: string, copy: string]>> = {
  x64: ["as", "objcopy"],
  arm64: ["aarch64-linux-gnu-as", "aarch64-linux-gnu-objcopy"],
};

/** `{name}` is a value, `{name:i}` its i-th 16 bits. */
function source(architecture: string, lines: readonly Line[]): string {
  const text = lines.map(([line]) =>
    line.replace(/\{(\w+)(?::(\d))?\}/g, (_, name: string, part?: string) => {
      const value = BigInt(VALUES[name]!);
      return String(part === undefined ? value : (value >> BigInt(16 * Number(part))) & 0xffffn);
    })
  );
  const head = architecture === "x64" ? [".intel_syntax noprefix"] : [];
  return [...head, ...text, ""].join("\n");
}

function assembled(architecture: string, text: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "teredo-code-"));
  const [as, copy] = ASSEMBLERS[architecture]!;
  const run = (command: string, ...args: string[]) => {
    const { status, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
    assert.equal(
      status,
      0,
      `${command} failed, and it is needed here: ${error?.message ?? stderr}`,
    );
  };
  try {
    writeFileSync(join(folder, "code.s"), text);
    run(as, "-o", "code.o", "code.s");
    run(copy, "-O", "binary", "-j", ".text", "code.o", "code");
    return readFileSync(join(folder, "code"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const architecture of ["x64", "arm64"]) {
  for (const [name, lines] of Object.entries(codeFor(architecture))) {
    test(`${name}, ${architecture}: its bytes are what an assembler makes of its text`, {
      timeout: 600_000,
    }, () => {
      const want = assembled(architecture, source(architecture, lines));
      assert.equal(
        Buffer.from(encode(lines, VALUES)).toString("hex"),
        Buffer.from(want).toString("hex"),
      );
    });
  }
}

/** As in code_run.c. */
const RUN_VALUES: Values = {
  table: 0x20_0000_0000,
  done: 0x20_0000_1000,
  number: 0x20_0000_8000,
  lines: 0x20_0001_0000,
  room: 16,
  end: 300,
  file: 2,
  log: 1,
  status: 42,
};
const SOURCE = fileURLToPath(new URL("./code_run.c", import.meta.url));

interface Machine {
  readonly compiler: readonly string[];
  /** What runs its programs. */
  readonly emulator: readonly string[];
  /** What the last words take for a call that was refused, where a signal comes without one. */
  readonly call: number;
}

const MACHINES: Readonly<Record<string, Machine>> = {
  // The result of tgkill(2), in the place of the number.
  x64: { compiler: ["gcc"], emulator: [], call: 0 },
  arm64: {
    // Of the headers the numbers alone, which are those that all new processors have.
    compiler: ["aarch64-linux-gnu-gcc", "-I", "include"],
    emulator: ["qemu-aarch64-static"],
    call: callsOf("arm64").numberOf("tgkill")!,
  },
};

for (const [architecture, { compiler, emulator, call }] of Object.entries(MACHINES)) {
  // The other's programs run on any, by way of the emulator; x64's only on itself.
  const skip = architecture === "x64" && process.arch !== "x64";
  test(`${architecture}: as handlers of signals, they make the calls, count, tell and end`, {
    timeout: 600_000,
    skip,
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-code-"));
    try {
      mkdirSync(join(folder, "include/asm"), { recursive: true });
      const numbers = ["exit_group", "getpid", "gettid", "tgkill", "rt_sigaction", "mmap", "close"]
        .concat("prctl")
        .map((name) => `#define __NR_${name} ${callsOf(architecture).numberOf(name)}\n`);
      writeFileSync(join(folder, "include/asm/unistd.h"), numbers.join(""));
      const { onEachThread, lastWords } = codeFor(architecture);
      const bytes = (lines: readonly Line[]) => [...encode(lines, RUN_VALUES)].join();
      const [cc, ...options] = compiler;
      const compiled = spawnSync(cc!, [
        ...options,
        ...["-w", "-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector"],
        `-DEACH_BYTES=${bytes(onEachThread)}`,
        `-DWORDS_BYTES=${bytes(lastWords)}`,
        `-DEND=${RUN_VALUES["end"]}`,
        ...["-o", "run", SOURCE],
      ], { cwd: folder, encoding: "utf8" });
      assert.equal(compiled.status, 0, `${cc}: ${compiled.error?.message ?? compiled.stderr}`);
      const [command, ...args] = [...emulator, join(folder, "run")];
      const ran = spawnSync(command!, args);
      assert.equal(ran.status, RUN_VALUES["status"], String(ran.error ?? ran.stderr));
      assert.equal(String(ran.stdout), "refused\n");
      assert.deepEqual([...ran.stderr], [call, 0, 0, 0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
