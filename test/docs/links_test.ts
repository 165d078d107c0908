import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { anchorsOf } from "./markdown.ts";

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  ...globSync("docs/*.md").sort(),
];

for (const document of DOCUMENTS) {
  test(`links of ${document} lead to what is there`, () => {
    const text = readFileSync(document, "utf8").replace(/^ *```[^]*?^ *```$/gm, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [path, anchor] = target!.split("#");
      const file = path === "" ? document : join(dirname(document), path!);
      assert.ok(existsSync(file), target);
      // Of a key the heading is written by the schema.
      if (anchor !== undefined) assert.ok(anchorsOf(file).includes(anchor), target);
    }
  });
}

test("docs/README.md names every document beside it", () => {
  const index = readFileSync("docs/README.md", "utf8");
  for (const path of globSync("docs/*.md")) {
    if (path !== "docs/README.md") assert.ok(index.includes(`](${path.slice(5)})`), path);
  }
});
