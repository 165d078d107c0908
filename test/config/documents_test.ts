import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { convertFile } from "#src/config/inspect.ts";
import { ENTRIES } from "#src/config/settings.ts";
import { documents } from "../../scripts/docs.ts";
import { memoryFiles } from "./memory_files.ts";

for (const [path, text] of documents()) {
  test(`${path} is what scripts/docs.ts makes of the schema`, () => {
    assert.equal(readFileSync(path, "utf8"), text, "run: bun scripts/docs.ts");
  });
}

test("docs/man/teredo.ini.5 takes no text for a request", () => {
  const page = documents().get("docs/man/teredo.ini.5")!;
  for (const line of page.split("\n")) {
    assert.match(line, /^(\.(\\"|TH|SH|PP|IP|TP|B|I|BR|IR|nf|fi)\b|\.\\"|[^.']|$)/, line);
  }
  for (const { key } of ENTRIES) assert.ok(page.includes(`\n.B ${key}\n`), key);
});

const migrating = readFileSync("docs/migrating.md", "utf8");

test("docs/migrating.md names every directive of Miredo, and its key", () => {
  for (const { miredo, id } of ENTRIES) {
    if (miredo === undefined) continue;
    assert.match(migrating, new RegExp(`^\\| \`${miredo}\` .*\`${id}\``, "m"), id);
  }
});

test("docs/migrating.md shows what convertFile() really makes", () => {
  const blocks = [...migrating.matchAll(/```(?:text|ini)\n([^`]*)```/g)].map((match) => match[1]!);
  const miredo = blocks.find((block) => block.startsWith("# Our relay"))!;
  const native = blocks.find((block) => block.startsWith("# Converted from"))!;
  const path = "/etc/miredo/miredo.conf";
  const { text, notices } = convertFile(path, { readFile: memoryFiles({ [path]: miredo }) });
  assert.equal(text, native);
  for (const notice of notices) assert.ok(migrating.includes(`${notice}\n`), notice);
});
