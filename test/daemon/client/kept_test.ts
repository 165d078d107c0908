import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openLibc } from "#ffi/open.ts";
import { openKept } from "#src/daemon/client/kept.ts";
import { NO_STATE } from "#src/daemon/client/state_file.ts";
import { createLogger } from "#src/log/logger.ts";
import { formatLogfmt } from "#src/log/record.ts";

const libc = await openLibc();

test("openKept does without a file where there can be none, and says so once", () => {
  const lines: string[] = [];
  const sink = (_: string, line: string) => void lines.push(line);
  const log = createLogger({ level: "info", format: formatLogfmt, sink, time: undefined });
  const folder = join(mkdtempSync(join(tmpdir(), "teredo-kept-")), "file");
  writeFileSync(folder, "");
  const kept = openKept({ libc, log, path: join(folder, "client.json"), user: undefined });
  assert.deepEqual(kept.found, NO_STATE);
  for (let i = 0; i < 2; i++) kept.keep({ ...NO_STATE, port: 50_000 });
  kept.close();
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(
    lines[0]!,
    /^level=warn msg="Client's state will not be kept" path=\S+client\.json .* mend="write a path /,
  );
});
