import assert from "node:assert/strict";
import test from "node:test";
import { missingForLab } from "#src/demo/tools.ts";

for (const platform of ["freebsd", "openbsd", "netbsd", "dragonfly"]) {
  test(`missingForLab() says that ${platform} has no network namespaces, and no more`, () => {
    const path = process.env["PATH"];
    const missing = missingForLab(platform);
    assert.equal(missing.length, 1);
    assert.match(missing[0]!, new RegExp(`Linux network namespaces, which ${platform} does not`));
    assert.equal(process.env["PATH"], path);
  });
}
