import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import test from "node:test";
import { LOCKED, readData } from "../../scripts/dependencies.ts";

const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const named: Record<string, string> = {
  ...read("package.json").dependencies,
  ...read("package.json").devDependencies,
};
const { packages } = read("package-lock.json");

test("scripts/dependencies.json has every package that package.json names, and no other", () => {
  assert.deepEqual(Object.keys(readData().packages).toSorted(), Object.keys(named).toSorted());
});

for (const [name, version] of Object.entries(named)) {
  test(`${name} is pinned, and docs/dependencies.md has its version and licence`, () => {
    assert.match(version, /^\d+\.\d+\.\d+$/, "one version, no range");
    const locked = packages[`node_modules/${name}`];
    const told = readData().packages[name];
    assert.ok(told, "run: bun scripts/dependencies.ts");
    assert.deepEqual([told.version, told.license], [version, locked.license]);
    assert.ok(told.why.length > 10, "why");
    assert.match(told.released ?? "", /^\d{4}-\d\d-\d\d$/);
  });
}

test("package-lock.json has a sum for every package, and names no registry", () => {
  for (const [path, { integrity, resolved }] of Object.entries<Record<string, string>>(packages)) {
    if (path === "") continue;
    assert.match(integrity ?? "", /^sha512-/, path);
    assert.equal(resolved, undefined, path);
  }
});

test("packages of the program bring no others with them", () => {
  for (const name of LOCKED.dependencies) {
    assert.deepEqual(Object.keys(packages[`node_modules/${name}`].dependencies ?? {}), [], name);
  }
});

/** What is built for x64; set, but a script that starts something else, it is not. */
const BINARY = process.env["TEREDO_BIN"];
const isProgram = BINARY !== undefined &&
  readFileSync(BINARY).subarray(0, 4).toString("latin1") === "\x7fELF";

test("docs/dependencies.md has the program's size, to 5 % of what is beside the runtime", {
  skip: isProgram ? false : "TEREDO_BIN names no program",
}, () => {
  const { sizes: { program }, packages: { bun } } = readData();
  const [told, built] = [program, statSync(BINARY!).size].map((it) => it - bun!.bytes!);
  const away = Math.abs(told! / built! - 1);
  assert.ok(away < 0.05, `${(100 * away).toFixed(1)} %: run bun scripts/dependencies.ts sizes`);
});
