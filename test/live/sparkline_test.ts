import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { sparkline } from "#src/cli/live/sparkline.ts";

const cases: readonly [string, readonly number[], string, string][] = [
  ["nothing", [], "", ""],
  ["zeros", [0, 0, 0], "▁▁▁", "___"],
  ["from 0 to the greatest", [0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█", "_.:-=+*#"],
  ["what is little next to the greatest, which is not 0", [0, 1, 1e9], "▁▂█", "_.#"],
  ["one value", [0.1], "█", "#"],
  ["what is not known", [NaN, 1, NaN, 2], " ▅ █", " = #"],
  ["nothing known", [NaN, NaN], "  ", "  "],
  ["less than nothing", [-1, 1], "▁█", "_#"],
];

for (const [name, values, blocks, ascii] of cases) {
  test(`sparkline() of ${name}`, () => {
    assert.deepEqual([sparkline(values, true), sparkline(values, false)], [blocks, ascii]);
  });
}

test("sparkline() has a character for each value, whatever it is", () => {
  fc.assert(
    fc.property(fc.array(fc.double()), fc.boolean(), (values, blocks) => {
      assert.equal(sparkline(values, blocks).length, values.length);
    }),
    { examples: [[[6184.5 * 1.1, 6184.5, 4123 * 1.5 * 0.9], true], [[1, Infinity], true]] },
  );
});
