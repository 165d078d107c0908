import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import test from "node:test";

/**
 * The architecture as a test: what each folder may import, besides itself.
 *
 *     cli -> daemon -> datapath -> segments -> protocol
 *
 * Packages and `node:` modules are named where a folder may use them.
 */
const ALLOWED: Record<string, readonly string[]> = {
  "src/protocol": [],
  "src/segments": ["src/protocol"],
  "ffi": ["node:process", "bun:ffi"],
  "src/log": ["src/protocol/time.ts", "ffi", "src/errors.ts", "node:"],
  "src/config": ["src/protocol", "src/errors.ts", "src/ownership.ts", "node:"],
  "src/datapath": [
    "src/protocol",
    "src/segments",
    "ffi",
    "src/errors.ts",
    "node:child_process",
    "node:crypto",
    "node:fs",
    "node:worker_threads",
  ],
  // On a BSD ifconfig(8) and route(8) set what has a system call of its own on Linux.
  "src/datapath/bsd": [
    "src/datapath",
    "src/protocol",
    "ffi",
    "src/errors.ts",
    "node:child_process",
    "node:crypto",
    "node:process",
  ],
  "src/status": ["src/protocol", "src/errors.ts", "node:", "hono", "uplot"],
  "src/daemon": [
    "src/datapath",
    "src/status",
    "src/log",
    "src/config",
    "src/protocol",
    "ffi",
    "src/errors.ts",
    "src/ownership.ts",
    "node:",
    "hono",
  ],
  "src/probe": ["src/protocol", "src/errors.ts", "node:"],
  "src/netcheck": ["src/probe", "src/protocol", "ffi", "src/errors.ts", "node:"],
  "src/demo": ["src/probe", "src/protocol", "ffi", "src/errors.ts", "node:"],
  "src/cli": ["src/", "ffi", "node:", "@stricli/core"],
};

/** The only files that may name a runtime. */
const RUNTIME_FILES = ["ffi/bun.ts", "ffi/deno.ts", "ffi/node.ts", "ffi/open.ts"];
const RUNTIME = /\b(Bun|Deno)\b|"bun(:|")|"node:ffi"/;
/** Ambient things that pure code must do without. */
const AMBIENT =
  /\b(process|console|performance|crypto)\.|\b(Buffer|Date|setTimeout|setInterval)\b|Math\.random/;
const IMPORT = /\bfrom\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|^import\s+"([^"]+)"/gm;
const MAX_LINES = 400;

const root = join(import.meta.dirname!, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, "");

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(tsx?|js)$/.test(name))
    .map((name) => `${folder}/${name}`)
    .sort();
}

/** The file or module that an import in `file` means: a path of this project, or a bare name. */
function target(file: string, specifier: string): string {
  if (specifier.startsWith("#")) return specifier.slice(1);
  if (specifier.startsWith(".")) return normalize(join(dirname(file), specifier));
  return specifier;
}

function imports(file: string): string[] {
  return [...withoutComments(read(file)).matchAll(IMPORT)]
    .map(([, from, dynamic, bare]) => target(file, (from ?? dynamic ?? bare)!));
}

/** A folder within another has the rule that names it. */
function isOf(folder: string, file: string): boolean {
  const named = Object.keys(ALLOWED).filter((it) => file.startsWith(`${it}/`));
  return named.every((it) => it.length <= folder.length);
}

for (const [folder, allowed] of Object.entries(ALLOWED)) {
  test(`imports of ${folder} point inwards`, () => {
    for (const file of sources(folder).filter((it) => isOf(folder, it))) {
      for (const to of imports(file)) {
        const mayImport = to.startsWith(`${folder}/`) || allowed.some((it) => to.startsWith(it));
        assert.ok(mayImport, `${file} imports ${to}`);
      }
    }
  });
}

test("every folder of src has its rule", () => {
  const folders = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `src/${entry.name}`);
  assert.deepEqual(folders.filter((it) => !(it in ALLOWED)), []);
});

/**
 * Where one kernel's numbers may be read, by the folder of ffi that has them. `ffi/platform.ts` chooses
 * among them, and the demo is for Linux alone.
 */
const OF_ONE_KERNEL: Record<string, RegExp> = {
  "ffi/linux/":
    /^(ffi\/linux|src\/datapath\/linux|src\/demo|src\/netcheck\/linux)\/|^src\/daemon\/(host|sandbox)\/linux\/|^ffi\/platform\.ts$/,
  "ffi/bsd/": /^(ffi\/bsd|src\/datapath\/bsd)\/|^src\/daemon\/host\/bsd\/|^ffi\/platform\.ts$/,
};

test("only what is of one kernel names its numbers: all else reads libc.layout and posix.ts", () => {
  for (const file of [...sources("src"), ...sources("ffi")]) {
    for (const [folder, mayName] of Object.entries(OF_ONE_KERNEL)) {
      const named = imports(file).find((to) => to.startsWith(folder));
      assert.ok(
        named === undefined || mayName.test(file),
        `${file} imports ${named}: its numbers would be wrong on every other kernel`,
      );
    }
  }
});

/** An array that is taken apart at once: an optimizing compiler leaves it out, the one before it not. */
const TAKEN_APART = /\b(const|let) \[[^\]=]*\] = \[/;

test("src/protocol and src/datapath make no array to take it apart: one a turn fills the heap for an hour", () => {
  for (const file of [...sources("src/protocol"), ...sources("src/datapath")]) {
    assert.doesNotMatch(withoutComments(read(file)), TAKEN_APART, file);
  }
});

test("src/protocol and src/segments are pure: no clock, randomness, timer, console or runtime", () => {
  for (const file of [...sources("src/protocol"), ...sources("src/segments")]) {
    assert.doesNotMatch(withoutComments(read(file)), AMBIENT, file);
  }
});

test("only the three FFI backends name a runtime", () => {
  for (const file of [...sources("src"), ...sources("ffi")]) {
    if (RUNTIME_FILES.includes(file)) continue;
    assert.doesNotMatch(withoutComments(read(file)), RUNTIME, file);
  }
});

test("no file is longer than a reader can hold", () => {
  const long = [...sources("src"), ...sources("ffi")]
    .map((file) => [file, read(file).split("\n").length] as const)
    .filter(([, lines]) => lines > MAX_LINES);
  assert.deepEqual(long, []);
});

test("files are named in snake_case", () => {
  for (const file of [...sources("src"), ...sources("ffi"), ...sources("test")]) {
    assert.match(file, /^[a-z0-9_/]+(\.d)?\.(tsx?|js)$/);
  }
});

/** Started in another folder, Bun does not read tsconfig.json. */
test("files with JSX say themselves whose it is", () => {
  for (const file of sources("src").filter((name) => name.endsWith("x"))) {
    assert.match(read(file), /^\/\*\* @jsxImportSource hono\/jsx \*\//, file);
  }
});

test("no import cycle", () => {
  const files = [...sources("src"), ...sources("ffi")];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    assert.ok(!path.includes(file), `import cycle: ${[...path, file].join(" -> ")}`);
    if (done.has(file) || !files.includes(file)) return;
    for (const to of imports(file)) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

for (const page of ["docs/architecture.md", "CONTRIBUTING.md", "README.md"]) {
  test(`${page} names files and folders that are there`, () => {
    const named = [...read(page).matchAll(/`((?:src|ffi|test|scripts|docs)\/[a-z0-9_./]*)`/g)];
    for (const [, path] of named) assert.ok(existsSync(join(root, path!)), path);
  });
}
