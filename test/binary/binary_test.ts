import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { PREFIXES } from "../../scripts/seal.ts";

/** The executable under test; what runs from source has other rules. */
const binary = process.env["TEREDO_BIN"] ?? "";

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], cwd = "/", env: Record<string, string> = {}): Outcome {
  assert.notEqual(binary, "", "TEREDO_BIN names the executable to test: scripts/test sets it");
  const { status, stdout, stderr } = spawnSync(binary, args, { cwd, env, encoding: "utf8" });
  return { status, stdout, stderr };
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

/** A variable of the runtime, and what it does to a program that has not been sealed. */
const obeyed = (folder: string): Record<string, string> => ({
  BUN_BE_BUN: "1", // the program is Bun
  BUN_OPTIONS: `--preload ${folder}/preload.js`, // runs it first
  BUN_INSPECT_PRELOAD: `${folder}/preload.js`,
  BUN_INSPECT: "127.0.0.1:0", // a debugger may come in
  BUN_INSPECT_CONNECT_TO: "127.0.0.1:1",
  BUN_BYTECODE_ORDER_OUT: `${folder}/order`, // writes it
  BUN_BYTECODE_DIGEST_OUT: `${folder}/digest`,
  BUN_JSC_noSuchOption: "1", // ends the program
  BUN_JSC_dumpOptions: "1", // prints them
  MIMALLOC_VERBOSE: "1",
  mimalloc_verbose: "1",
  NODE_OPTIONS: `--require ${folder}/preload.js`,
  NODE_DEBUG: "fs,net,http",
  NODE_CHANNEL_FD: "0",
  DENO_DIR: folder,
});

test("teredo obeys no variable of its runtime", () => {
  withFolder((folder) => {
    const mark = join(folder, "loaded");
    writeFileSync(join(folder, "preload.js"), `require("node:fs").writeFileSync("${mark}", "")`);
    const plain = run(["--version"]);
    const all = obeyed(folder);
    const cases = [...Object.entries(all).map(([name, value]) => ({ [name]: value })), all];
    for (const env of cases) {
      assert.deepEqual(run(["--version"], folder, env), plain, JSON.stringify(env));
      const code = run(["-e", `require("node:fs").writeFileSync("${mark}", "")`], folder, env);
      assert.equal(code.status, 2, JSON.stringify(env));
      assert.deepEqual(readdirSync(folder), ["preload.js"], JSON.stringify(env));
    }
  });
});

/** Prints every name that getenv(3) is asked for. */
const SPY = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#define SPY(f) char *f(const char *name) { \\
  static char *(*real)(const char *); \\
  if (!real) real = dlsym(RTLD_NEXT, #f); \\
  dprintf(2, "asked for %s\\n", name); \\
  return real(name); }
SPY(getenv)
SPY(secure_getenv)
`;

/** What any program may read; none of them makes this one run code or touch a file. */
const HARMLESS = new Set([
  "DYLD_INSERT_LIBRARIES", // of another system
  "FORCE_COLOR",
  "GLIBCXX_TUNABLES",
  "HYPERFINE_RANDOMIZED_ENVIRONMENT_OFFSET", // a name that a benchmark sets, looked for only
  "LANG",
  "LC_ALL",
  "LC_MESSAGES",
  "NO_COLOR",
]);

test("the C library is asked for no other variable of the runtime than those that it is deaf to", () => {
  withFolder((folder) => {
    const [source, library] = [join(folder, "spy.c"), join(folder, "spy.so")];
    writeFileSync(source, SPY);
    const made = spawnSync("gcc", ["-shared", "-fPIC", "-o", library, source, "-ldl"], {
      encoding: "utf8",
    });
    assert.equal(made.status, 0, made.stderr);
    const { stderr } = run(["decode", "2001:0:4136:e378::"], "/", { LD_PRELOAD: library });
    const names = new Set([...stderr.matchAll(/^asked for (.+)$/gm)].map(([, name]) => name!));
    assert.ok(names.has("BUN_BE_BUN"), stderr);
    const deaf = (name: string) => PREFIXES.some((prefix) => name.startsWith(prefix));
    assert.deepEqual([...names].filter((it) => !deaf(it) && !HARMLESS.has(it)), []);
  });
});
