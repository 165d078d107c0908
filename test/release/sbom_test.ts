import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly scope: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses: readonly unknown[];
}

const made = (version: string, date: number, ...targets: string[]) =>
  execFileSync("bash", [
    "-c",
    `. scripts/lib.sh; sbom | bun scripts/sbom.ts "$@"`,
    "bash",
    version,
    String(date),
    ...targets,
  ], { encoding: "utf8" });

test("scripts/sbom.ts lists the program's packages and runtimes, with the sums that are locked", () => {
  const bom = JSON.parse(made("1.2.3+abc", 86_400, "linux-arm64", "freebsd-x64", "node"));
  assert.deepEqual([bom.bomFormat, bom.version], ["CycloneDX", 1]);
  assert.equal(bom.metadata.timestamp, "1970-01-02T00:00:00.000Z");
  const { name, version, purl } = bom.metadata.component;
  assert.deepEqual([name, version, purl], ["teredo", "1.2.3+abc", "pkg:npm/teredo@1.2.3%2Babc"]);

  const components = bom.components as Component[];
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const runtimes = ["@oven/bun-linux-aarch64", "@oven/bun-freebsd-x64"];
  const names = components.map((component) => component.name).toSorted();
  assert.deepEqual(names, [...Object.keys(dependencies), ...runtimes].toSorted());

  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  for (const { name, version, scope, hashes, licenses } of components) {
    const locked = packages[`node_modules/${name}`];
    const sum = `sha512-${Buffer.from(hashes[0]!.content, "hex").toString("base64")}`;
    assert.deepEqual([version, sum, scope], [locked.version, locked.integrity, "required"], name);
    assert.equal(licenses.length, 1, name);
  }
  const refs = bom.dependencies.map(({ ref }: { ref: string }) => ref);
  assert.equal(refs[0], "teredo@1.2.3+abc");
  assert.equal(bom.dependencies[0].dependsOn.length, components.length);
});

test("scripts/sbom.ts gives the same bytes again, and another number for other content", () => {
  const number = (text: string) => JSON.parse(text).serialNumber as string;
  const first = made("1", 0, "linux-x64");
  assert.equal(made("1", 0, "linux-x64"), first);
  assert.match(
    number(first),
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.notEqual(number(made("1", 0, "linux-x64-musl")), number(first));
});

test("scripts/sbom.ts refuses a target whose runtime is not locked", () => {
  assert.throws(() => made("1", 0, "linux-vax"), /@oven\/bun-linux-vax is not locked/);
});
