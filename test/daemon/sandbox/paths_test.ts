import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { leftAtTheEnd } from "#src/daemon/sandbox/linux/paths.ts";

const root = mkdtempSync(join(tmpdir(), "teredo-paths-"));
after(() => rmSync(root, { recursive: true, force: true }));

interface Case {
  readonly name: string;
  /** What there is. */
  readonly files: readonly string[];
  /** What is removed at the end. */
  readonly removes: readonly string[];
  /** Of these what stays. */
  readonly left: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "nothing of a folder in which nothing else is",
    files: ["own/pid", "own/pages"],
    removes: ["own/pid", "own/pages"],
    left: [],
  },
  {
    name: "what is beside somebody else's file",
    files: ["run/pid", "run/other.pid"],
    removes: ["run/pid"],
    left: ["run/pid"],
  },
  {
    name: "what is beside somebody else's folder",
    files: ["run/pid", "run/other/file"],
    removes: ["run/pid"],
    left: ["run/pid"],
  },
  {
    name: "nothing beside the runtime directory alone",
    files: ["run/pid", "run/teredo-relay/control"],
    removes: ["run/pid", "run/teredo-relay/control"],
    left: [],
  },
  {
    name: "nothing of the runtime directory, whatever is in it",
    files: ["run/teredo-relay/pid", "run/teredo-relay/peers", "run/other"],
    removes: ["run/teredo-relay/pid"],
    left: [],
  },
  {
    name: "nothing of a folder that is not there, from which nothing is removed either",
    files: [],
    removes: ["gone/pid"],
    left: [],
  },
  {
    name: "of two folders what is in the one that others use",
    files: ["own/pid", "run/pages", "run/other"],
    removes: ["own/pid", "run/pages"],
    left: ["run/pages"],
  },
];

CASES.forEach(({ name, files, removes, left }, i) => {
  test(`leftAtTheEnd(): ${name}`, () => {
    const at = (path: string) => join(root, String(i), path);
    for (const file of files) {
      mkdirSync(dirname(at(file)), { recursive: true });
      writeFileSync(at(file), "");
    }
    const folder = { path: at("run/teredo-relay"), isGiven: false };
    assert.deepEqual(leftAtTheEnd({ folder, removes: removes.map(at) }), left.map(at));
  });
});
