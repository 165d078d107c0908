import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { codeFor } from "#ffi/linux/code/mod.ts";
import { encode, type Line, type Values } from "#ffi/linux/code/line.ts";

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
