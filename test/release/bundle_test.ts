import assert from "node:assert/strict";
import test from "node:test";
import { bundledBytes, LOCKED, readData } from "../../scripts/dependencies.ts";

test("the program holds our code and the packages of `dependencies`, none of which is idle", () => {
  const bytes = bundledBytes();
  assert.deepEqual([...bytes.keys()].toSorted(), ["ffi", "src", ...LOCKED.dependencies].toSorted());
  for (const name of LOCKED.dependencies) {
    const told = readData().packages[name]!.bytes!;
    const real = bytes.get(name)!;
    // What is used of a package changes with our code; a kibibyte or two tells nobody anything.
    assert.ok(
      Math.abs(real - told) < 0.2 * told,
      `${name}: ${real}; run: bun scripts/dependencies.ts`,
    );
  }
});
