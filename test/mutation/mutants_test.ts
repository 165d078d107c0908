import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { EXPLAINED } from "./explained.ts";
import { mutantsOf } from "./mutants.ts";

const SAMPLE = "test/mutation/sample.ts";

test(
  "mutantsOf() changes operators, conditions, constants and calls, and neither types nor texts",
  {
    timeout: 600_000,
  },
  async () => {
    const changes = (await mutantsOf([SAMPLE])).map(({ line, kind, was, text }) =>
      [line, kind, was, text].join(" ")
    );
    assert.deepEqual(changes, [
      "4 call seen.add(-b) void 0",
      "4 operator - ",
      "5 condition i < a false",
      "5 constant 0 1",
      "5 operator < <=",
      "5 operator ++ --",
      '6 condition !seen.has(i) && text !== "a0" true',
      '6 condition !seen.has(i) && text !== "a0" false',
      "6 operator && ||",
      "6 operator ! ",
      "6 operator !== ===",
      '6 constant "a0" ""',
      "8 condition a >= 0x10 false",
      "8 operator >= >",
      "8 constant 0x10 17",
      "8 operator -= +=",
      "8 condition 7n > b true",
      "8 condition 7n > b false",
      "8 operator > >=",
      "8 constant 7n 8n",
      "8 constant 1 2",
      "8 constant 2 3",
      "9 operator || &&",
      "9 operator === !==",
      "9 constant false true",
    ]);
  },
);

test("EXPLAINED is of lines that there are", () => {
  for (const { path, code, was } of EXPLAINED) {
    const lines = readFileSync(path, "utf8").split("\n");
    assert.ok(lines.some((line) => line.includes(code)), `${path}: ${code}`);
    assert.ok(code.includes(was) || was.length > code.length, `${code}: ${was}`);
  }
});
