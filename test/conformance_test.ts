import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";

const ROOT = new URL("..", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");

/** How many rows each list of the checklist has, gaps taken out. */
const ROWS: Readonly<Record<string, readonly (readonly [from: number, to: number])[]>> = {
  S: [[0, 34]],
  R: [[1, 3], [10, 16], [20, 33]],
  H: [[1, 9]],
  I: [[1, 7]],
  C: [[1, 7], [10, 18], [20, 30], [40, 48], [50, 52], [60, 64], [70, 80]],
};
const CASES = { N: 16, P: 8 };

interface Row {
  readonly ids: readonly string[];
  readonly cells: readonly string[];
}

const two = (n: number) => String(n).padStart(2, "0");

/** `S-01`, `S-01b`, `N3`, or `C-01..C-07` in full. */
function expand(text: string): string[] {
  const range = /^([A-Z])-(\d\d)\.\.\1-(\d\d)$/.exec(text);
  if (range === null) return [text];
  const [from, to] = [Number(range[2]), Number(range[3])];
  return Array.from({ length: to - from + 1 }, (_, i) => `${range[1]}-${two(from + i)}`);
}

const rows: Row[] = read("docs/conformance.md").split("\n")
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
  .filter(([id]) => /^[A-Z]-?\d/.test(id ?? ""))
  .map((cells) => ({ ids: expand(cells[0]!), cells }));

const paths = (cell: string) => [...cell.matchAll(/`([\w/.]+\.ts)`/g)].map((match) => match[1]!);

test("docs/conformance.md has each row of the checklist once", () => {
  const wanted = Object.entries(ROWS).flatMap(([list, ranges]) =>
    ranges.flatMap(([from, to]) => expand(`${list}-${two(from)}..${list}-${two(to)}`))
  );
  for (const [list, count] of Object.entries(CASES)) {
    for (let i = 1; i <= count; i++) wanted.push(`${list}${i}`);
  }
  const given = rows.flatMap((row) => row.ids);
  assert.equal(new Set(given).size, given.length, "a row is there twice");
  assert.deepEqual([...given].sort(), [...wanted, "S-01b", "C-74b"].sort());
});

for (const { ids, cells } of rows) {
  test(`docs/conformance.md: ${ids.join(", ")}: code and tests are there`, () => {
    const where = cells.length > 2 ? cells[2]! : "";
    const shown = cells.at(-1)!;
    assert.notEqual(shown, "", "neither a test nor a reason");
    for (const path of paths(where)) assert.ok(existsSync(new URL(`src/${path}`, ROOT)), path);
    for (const path of paths(shown)) {
      const text = read(`test/${path}`);
      // Suites of whole programs have no rows in their titles.
      if (/^(netns|runtime|config)\//.test(path)) continue;
      for (const id of ids) {
        assert.match(text, new RegExp(`\\b${id}\\b`), `${path} does not name it`);
      }
    }
  });
}
