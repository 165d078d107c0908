import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { generateHelpTextForAllCommands } from "@stricli/core";
import { buildApp } from "#src/cli/app.ts";
import { ROLES } from "#src/config/config.ts";
import { checkFile, convertFile } from "#src/config/inspect.ts";
import { ENTRIES } from "#src/config/settings.ts";
import { documents } from "../../scripts/docs.ts";
import { memoryFiles } from "./memory_files.ts";

for (const [path, text] of documents()) {
  test(`${path} is what scripts/docs.ts makes`, () => {
    assert.equal(readFileSync(path, "utf8"), text, "run: bun scripts/docs.ts");
  });
}

const pages = [...documents()].filter(([path]) => path.startsWith("docs/man/"));

for (const [path, page] of pages) {
  test(`${path} takes no text for a request`, () => {
    for (const line of page.split("\n")) {
      assert.match(line, /^(\.(\\"|TH|SH|SS|PP|IP|TP|B|I|BR|IR|br|nf|fi)\b|\.\\"|[^.']|$)/, line);
    }
  });
}

test("docs/man/teredo.ini.5 describes every setting", () => {
  const page = documents().get("docs/man/teredo.ini.5")!;
  for (const { key } of ENTRIES) assert.ok(page.includes(`\n.B ${key}\n`), key);
});

/** What a reader sees of a page: without requests, fonts and escapes. */
const plain = (page: string) => page.replace(/\\f[BRI]/g, "").replaceAll("\\-", "-");

test("docs/man has a page for each command that help knows, with all of its flags", () => {
  const wanted = new Set(["docs/man/teredo.8", "docs/man/teredo.ini.5"]);
  for (const [route, help] of generateHelpTextForAllCommands(buildApp("") as never)) {
    const path = `docs/man/teredo-${route.split(" ")[1]}.8`;
    wanted.add(path);
    const page = plain(documents().get(path) ?? "");
    assert.ok(page.includes(`\n.B ${route}\n`), route);
    const flags = [...help.matchAll(/^ {2}.{2,6}(--[a-z0-9-]+)/gm)].map(([, flag]) => flag!);
    assert.ok(flags.includes("--help"), route);
    for (const flag of flags) {
      if (flag !== "--help") assert.ok(page.includes(flag), `${route} ${flag}`);
    }
  }
  assert.deepEqual(pages.map(([path]) => path).toSorted(), [...wanted].toSorted());
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

/** Blocks of code of a document. */
const blocksOf = (path: string) =>
  [...readFileSync(path, "utf8").matchAll(/^```\w*\n([^]*?)^```/gm)].map((match) => match[1]!);

test("README.md and docs/configuration.md show files that load", () => {
  const blocks = ["README.md", "docs/configuration.md"].flatMap(blocksOf)
    .filter((block) => /^(RelayType|Prefix|# A comment)/.test(block));
  assert.equal(blocks.length, 3);
  for (const block of blocks) {
    const { errors, notices } = checkFile("f", { readFile: memoryFiles({ f: block }) });
    assert.deepEqual([errors, notices], [[], []], block);
  }
});

test("the package's file starts nothing, and every line of it is right once it is uncommented", () => {
  const text = readFileSync("scripts/debian/teredo.ini", "utf8");
  const live = text.replace(/^#(?=\[|\w+ = )/gm, "").replace("= secrets\n", "= /etc/secrets\n");
  const secrets = "one hex:00112233445566778899aabbccddeeff\n";
  const files = { shipped: text, live, "/etc/secrets": secrets };
  const readFile = memoryFiles(files, { "/etc/secrets": 0o600 });
  for (const role of ROLES) {
    const [shipped, ...others] = checkFile("shipped", { role, readFile }).errors;
    assert.match(shipped!, new RegExp(`no section and no setting in it; write .\\[${role}\\]`));
    assert.deepEqual(others, []);
    const { errors, notices } = checkFile("live", { role, readFile });
    assert.deepEqual([errors, notices], [[], []]);
  }
});

test("docs/configuration.md shows problems as they are told", () => {
  const shown = blocksOf("docs/configuration.md").find((block) => block.startsWith("teredo.ini:2"));
  const file = "teredo.ini";
  const readFile = memoryFiles({ [file]: "[relay]\nbindport = 1\nhold_age = 2\n" });
  assert.equal(`${checkFile(file, { readFile }).errors.join("\n")}\n`, shown);
});

test("documents name flags and keys that there are", () => {
  const names = new Set(ENTRIES.flatMap(({ flag, key }) => [flag, key]));
  const text = ["README.md", "docs/migrating.md", "docs/configuration.md"]
    .map((path) => readFileSync(path, "utf8")).join("\n");
  // Of other commands than the daemons.
  const others = ["--ping", "--config", "--foreground", "--pidfile", "--help", "--fix", "--wait"];
  for (const [flag] of text.matchAll(/(?<=`|teredo (?:relay|server) .*)--[a-z][a-z0-9-]+/g)) {
    assert.ok(names.has(flag) || others.includes(flag), flag);
  }
});
