import assert from "node:assert/strict";
import test from "node:test";
import { UNITS, UNITS_MODULE } from "#src/status/units.ts";

const cases = [
  ["decimal", 0, "0"],
  ["decimal", 3.14, "3.1"],
  ["decimal", 41.6, "42"],
  ["count", 999, "999"],
  ["count", 1_234_567, "1,234,567"],
  ["bits", 0.4, "0 bit/s"],
  ["bits", 999, "999 bit/s"],
  ["bits", 999.6, "1 kbit/s"],
  ["bits", 4.12e6, "4.1 Mbit/s"],
  ["bits", 999_600_000, "1 Gbit/s"],
  ["bits", 3e15, "3000000 Gbit/s"],
  ["bytes", 50_000_000, "50 MB"],
  ["rate", 0.25, "0.3/s"],
  ["share", 0.415, "42 %"],
  ["duration", -1, "0 s"],
  ["duration", 0.9, "0 s"],
  ["duration", 59, "59 s"],
  ["duration", 61, "1 min 1 s"],
  ["duration", 599, "9 min 59 s"],
  ["duration", 601, "10 min"],
  ["duration", 7_200, "2 h"],
  ["duration", 3 * 86_400 + 4 * 3_600 + 59, "3 d 4 h"],
] as const;

/** What a browser gets, and nothing around it. */
const inBrowser = new Function(
  UNITS_MODULE.replace("export const UNITS =", "return"),
)() as typeof UNITS;

for (const [name, value, text] of cases) {
  test(`UNITS.${name}(${value}) is ${text}, here and in a browser`, () => {
    assert.equal(UNITS[name](value), text);
    assert.equal(inBrowser[name](value), text);
  });
}
