import assert from "node:assert/strict";
import test from "node:test";
import { Problems } from "#src/config/problems.ts";

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
