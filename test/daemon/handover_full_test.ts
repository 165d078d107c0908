import assert from "node:assert/strict";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { HandoverFile } from "#src/daemon/handover/file.ts";
import { inNamespace, sh } from "#test/runtime/namespace.ts";

inNamespace(import.meta.filename!, () => {
  test("HandoverFile.write() leaves no part of what there is no room for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "teredo-full-"));
    sh(`mount -t tmpfs -o size=8k,mode=755 tmpfs ${folder}`);
    const path = join(folder, "peers");
    const file = new HandoverFile(await openLibc(), path, undefined, 1_000);
    assert.throws(
      () => file.write([new Uint8Array(4_096), new Uint8Array(65_536)]),
      /ENOSPC|No space left/,
    );
    file.close();
    assert.equal(existsSync(path), false);
  });
});
