import assert from "node:assert/strict";
import test from "node:test";
import { partsOf, type ProblemParts, Problems } from "#src/config/problems.ts";

test("Problems are in the order of their lines, those of one line as they were found", () => {
  const problems = new Problems();
  problems.error("b.ini:7: key", "found first");
  problems.error("a.ini:3", "of another file");
  problems.notice("b.ini:7: key", "found second");
  problems.error("b.ini:2", "found last");
  problems.error("b.ini", "of the file as a whole");
  assert.deepEqual(problems.all.map(({ text }) => text), [
    "b.ini:2: found last",
    "b.ini:7: key: found first",
    "b.ini:7: key: found second",
    "b.ini: of the file as a whole",
    "a.ini:3: of another file",
  ]);
});

test("Problems.merge() takes what others found once, in the order of the lines", () => {
  const [all, other, third] = [new Problems(), new Problems(), new Problems()];
  all.error("a.ini:5", "known");
  other.error("a.ini:5", "known");
  other.notice("a.ini:2", "new");
  third.notice("a.ini:2", "new");
  all.merge([other, third]);
  assert.deepEqual(all.all, [
    { level: "notice", text: "a.ini:2: new" },
    { level: "error", text: "a.ini:5: known" },
  ]);
});

test("Problems of each level are a hundred, and one that says that more are left out", () => {
  const problems = new Problems();
  for (let line = 1; line <= 150; line++) {
    problems.error(`a.ini:${line}`, "wrong");
    problems.notice(`a.ini:${line}`, "odd");
  }
  for (const [texts, word] of [[problems.errors, "wrong"], [problems.notices, "odd"]] as const) {
    assert.equal(texts.length, 101);
    assert.equal(texts[99], `a.ini:100: ${word}`);
    assert.equal(texts[100], `a.ini:101: ${word} (more left out)`);
  }
});

const parts: readonly (readonly [string, ProblemParts])[] = [
  ["f:1: k: wrong", { file: "f", line: 1, key: "k", problem: "wrong" }],
  ["f:1: relay.k: wrong", { file: "f", line: 1, key: "relay.k", problem: "wrong" }],
  ["f:1: wrong", { file: "f", line: 1, problem: "wrong" }],
  ["/x:2/f:12: `a b`: wrong", { file: "/x:2/f", line: 12, problem: "`a b`: wrong" }],
  ["/f: relay.k: wrong", { file: "/f", key: "relay.k", problem: "wrong" }],
  ["/f: no such file; check the path", { file: "/f", problem: "no such file; check the path" }],
  ["--bind-port: `x` is no number", { key: "--bind-port", problem: "`x` is no number" }],
  ["--hook: k: wrong", { key: "--hook", problem: "k: wrong" }],
  ["no configuration file: looked at /a", { problem: "no configuration file: looked at /a" }],
  ["", { problem: "" }],
];

for (const [text, want] of parts) {
  test(`partsOf(${JSON.stringify(text)})`, () => assert.deepEqual(partsOf(text), want));
}
