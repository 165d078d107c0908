import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

/** The executable under test; what runs from source has other rules. */
const binary = process.env["TEREDO_BIN"] ?? "";

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], cwd = "/", env: Record<string, string> = {}): Outcome {
  assert.notEqual(binary, "", "TEREDO_BIN names the executable to test: scripts/test sets it");
  return spawnSync(binary, args, { cwd, env, encoding: "utf8" });
}

function withFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "teredo-"));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("teredo --version runs from anywhere, with an empty environment and no other file", () => {
  const { status, stdout, stderr } = run(["--version"]);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  assert.match(stdout, /^\d+\.\d+\.\d+(\+\S+)?\n$/);
});

test("teredo runs no code that its working directory names", () => {
  withFolder((folder) => {
    const mark = join(folder, "loaded");
    writeFileSync(join(folder, "preload.ts"), `require("node:fs").writeFileSync("${mark}", "")`);
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(folder, ".env"), "BUN_OPTIONS=--preload=./preload.ts\nNO_COLOR=from-env\n");
    writeFileSync(join(folder, "package.json"), '{"imports": {"#src/*": "./evil/*"}}');
    assert.equal(run(["--version"], folder).status, 0);
    assert.equal(run(["decode", "2001:0:4136:e378::"], folder).status, 0);
    assert.equal(existsSync(mark), false);
  });
});

test("teredo needs no library but the C library and what comes with it", () => {
  const { stdout } = spawnSync("ldd", [binary], { encoding: "utf8" });
  const libraries = [...stdout.matchAll(/^\s*(?:\S*\/)?([a-z0-9_+-]+)[^/\s]*\.so/gmi)]
    .map(([, name]) => name!.replace(/-x86-64|-linux.*$/, ""));
  const known = ["linux-vdso", "libc", "ld", "ld-linux", "libpthread", "libdl", "libm", "librt"];
  assert.deepEqual(libraries.filter((it) => !known.some((name) => it.startsWith(name))), []);
  assert.ok(libraries.includes("libc"));
});
