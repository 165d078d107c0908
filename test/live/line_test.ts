import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { cut, narrow, rendered, widthOf, wrapped } from "#src/cli/live/line.ts";

const cuts: readonly [string, number, string][] = [
  ["one two three", 13, "one two three"],
  ["one two three", 12, "one two..."],
  ["one two three", 10, "one two..."],
  ["one two three", 9, "one..."],
  ["one two three", 5, "one"],
  ["indivisible", 8, "indivisi"],
  ["indivisible words", 13, "indivisible"],
  ["indivisible words", 14, "indivisible..."],
  ["indivisible", 3, "ind"],
  ["indivisible", 0, ""],
  ["indivisible", -1, ""],
];

for (const [text, width, want] of cuts) {
  test(`cut() of ${JSON.stringify(text)} to ${width}`, () => assert.equal(cut(text, width), want));
}

const wraps: readonly [string, number, number, readonly string[]][] = [
  ["", 10, Infinity, [""]],
  ["one two three", 7, Infinity, ["one two", "three"]],
  ["one two three", 8, Infinity, ["one two", "three"]],
  ["one two three", 3, Infinity, ["one", "two", "thr", "ee"]],
  ["one two three four", 9, 2, ["one two", "three..."]],
  ["an indivisible", 5, Infinity, ["an", "indiv", "isibl", "e"]],
  ["some words", -3, 1, ["s"]],
];

for (const [text, width, most, want] of wraps) {
  test(`wrapped() of ${JSON.stringify(text)} to ${width}, ${most} lines`, () => {
    assert.deepEqual(wrapped(text, width, most), want);
  });
}

test("wrapped() loses no word, and parts none that fits", () => {
  const word = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(..."abc:/-") });
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1 }),
      fc.integer({ min: 12, max: 40 }),
      (words, width) => {
        const lines = wrapped(words.join(" "), width);
        assert.ok(lines.every((line) => line.length <= width));
        assert.deepEqual(lines.join(" ").split(" "), words);
      },
    ),
  );
});

const WITHOUT = { colours: false, blocks: false };
const narrows: readonly [string, string, string][] = [
  ["eth0 is down", "eth0 is down", "eth0 is down"],
  ["a\nb\tc", "a b c", "a b c"],
  ["\x1b[2J\x07\x9b1m\x7f", "?[2J??1m?", "?[2J??1m?"],
  ["Größe Δ Ж", "Größe Δ Ж", "Gr??e ? ?"],
  ["漢字", "??", "??"],
  [
    "soft\u00adhyphen, a\u0301ccent, \u202eturned",
    "soft?hyphen, a?ccent, ?turned",
    "soft?hyphen, a?ccent, ?turned",
  ],
];

for (const [text, utf8, ascii] of narrows) {
  test(`narrow() of ${JSON.stringify(text)}`, () => {
    assert.equal(narrow(text, { ...WITHOUT, blocks: true }), utf8);
    assert.equal(narrow(text, WITHOUT), ascii);
  });
}

test("rendered() colours only where colours show", () => {
  const line = ["a ", { text: "b", tone: "red" }, { text: "", tone: "dim" }, "  "] as const;
  assert.equal(widthOf(line), 5);
  assert.equal(rendered(line, WITHOUT), "a b");
  assert.equal(rendered(line, { ...WITHOUT, colours: true }), "a \x1b[1;31mb\x1b[0m");
});
