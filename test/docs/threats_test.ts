import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const read = (path: string) => readFileSync(path, "utf8");
/** Rows of a document's tables, with a `|` in a cell left alone. */
const rowsOf = (path: string) =>
  read(path).split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));

const threats = rowsOf("docs/threats.md");
/** What is compared with the tests that measure, in their own tests. */
const measured = [
  ...rowsOf("docs/limits.md").map(([name, , , factor]) => ({ name, factor })),
  ...threats.filter(({ length }) => length === 6).map(([name, , , , factor]) => ({ name, factor })),
].filter(({ factor }) => /^\d+\.\d\d$/.test(factor ?? ""));

const ATTACKS = threats.filter(({ length }) => length === 5)
  .filter(([attack]) => !/^(attack|-+)$/.test(attack!));
/** What a test or one of its cases is called, with its `${...}` as they stand. */
const TITLE = /\b(?:test\(|check\(|what:|name:)\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
const REFERENCE = /`([\w/.]+_test\.ts)` "((?:[^"\\]|\\.)*)"/g;

for (const [attack, by, answer, shown, factor] of ATTACKS) {
  test(`docs/threats.md: ${attack}: answer, test and factor are there`, () => {
    assert.ok(by !== "" && answer !== "", "an attacker and an answer");
    const references = [...shown!.matchAll(REFERENCE)];
    if (!shown!.startsWith("not ours: ")) assert.ok(references.length > 0, "no test");
    assert.equal(shown!.split("; `").length, Math.max(1, references.length), shown);
    for (const [, path, title] of references) {
      const words = title!.replaceAll('\\"', '"').replaceAll("\\|", "|");
      const titles = [...read(`test/${path}`).matchAll(TITLE)].map((match) =>
        match[1] ?? match[2]!
      );
      assert.ok(titles.some((one) => one.includes(words)), `test/${path} has no "${words}"`);
    }
    if (factor === "-") return;
    const factors = [...factor!.matchAll(/`(\d+\.\d\d)` (.*?)(?=; `\d|$)/g)];
    assert.ok(factors.length > 0, factor);
    for (const [, times, name] of factors) {
      assert.equal(times, measured.find((one) => one.name === name)?.factor, name);
    }
  });
}

/** Every attack that has a section of its own. */
const SECTIONS = [
  ..."7.1 7.2.1 7.2.2 7.2.3 7.3.1 7.3.2 7.3.3 7.3.4 7.3.5 7.4.1 7.4.2 7.4.3".split(" "),
  ..."2.1 2.2 2.3 3.1 3.2 4.1 4.2 4.3 5.1 5.2 6.1".split(" "),
];

test("docs/threats.md has each attack of RFC 4380 §7 and RFC 6169", () => {
  const told = new Set(ATTACKS.map(([attack]) => /^§([\d.]+)/.exec(attack!)?.[1]));
  for (const section of SECTIONS) assert.ok(told.has(section), `§${section}`);
});

/** Who is told of before the attacks, in the table of three columns. */
const INTRODUCED = threats.filter(({ length }) => length === 3).map(([who]) => who!)
  .filter((who) => !/^(attacker|-+)$/.test(who));
const partsOf = (by: string) => by.split(", ");

for (const [attack, by] of ATTACKS) {
  test(`docs/threats.md: ${attack}: who attacks is introduced`, () => {
    assert.deepEqual(partsOf(by!).filter((who) => !INTRODUCED.includes(who)), []);
  });
}

test("docs/threats.md introduces nobody who attacks nothing", () => {
  const attackers = new Set(ATTACKS.flatMap(([, by]) => partsOf(by!)));
  assert.deepEqual(INTRODUCED.filter((who) => !attackers.has(who)), []);
});
