import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Section } from "./contract.ts";
import { pageOf } from "./report.ts";
import { KEPT, readResults } from "./results.ts";
import { SECTIONS } from "./sections.ts";
import { code } from "./words.ts";

const PAGE = readFileSync("docs/faults.md", "utf8");

test("docs/faults.md is what is made of the results that are kept", () => {
  const made = pageOf(PAGE, SECTIONS, readResults(KEPT));
  assert.equal(PAGE, made, "run: scripts/soak faults --page");
});

test("Results that are kept are of faults that there are, and each names its run", () => {
  const names = SECTIONS.flatMap(({ faults }) => faults.map(({ name }) => name));
  for (const [name, { run }] of Object.entries(readResults(KEPT))) {
    assert.ok(names.includes(name), name);
    assert.match(run, /20\d\d-\d\d-\d\d \d\d:\d\d UTC/, name);
  }
});

const MARKED = `before
<!-- Made by scripts/soak faults --docs. -->
| a row of an earlier run |
<!-- End of what is made. -->
after
`;

test("pageOf() has each row with its run, and no row that no result is for", () => {
  const run = () => Promise.reject(new Error("not here"));
  const faults = ["one", "two", "three"].map((name) => ({ name, promised: "it lives", run }));
  const sections: readonly Section[] = [{ name: "All", faults }];
  const results = {
    one: { measured: "lives", recovered: 0, lost: "none", run: "Later." },
    two: { broken: "it ended", run: "Earlier." },
  };
  assert.equal(
    pageOf(MARKED, sections, results),
    `before
<!-- Made by scripts/soak faults --docs. -->

## Runs

| run | rows | made with, on and at |
| --- | ---- | -------------------- |
| A   | 1    | Later.               |
| B   | 1    | Earlier.             |

Not run: 1 row.

## All

| fault | promised | measured         | back after | lost | run |
| ----- | -------- | ---------------- | ---------- | ---- | --- |
| one   | it lives | lives            | at once    | none | A   |
| two   | it lives | BROKEN: it ended | -          | -    | B   |
| three | it lives | not run          | -          | -    | -   |

<!-- End of what is made. -->
after
`,
  );
});

test("code() is code in Markdown whatever it has of backticks", () => {
  assert.equal(code("plain "), "`plain`");
  assert.equal(code("mend: `ps` shows"), "``mend: `ps` shows``");
  assert.equal(code("shown by `ps`"), "`` shown by `ps` ``");
});
