import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { FACILITIES } from "#src/log/syslog.ts";
import { runArguments } from "#test/cli/run.ts";

const SCRIPT = `
const { openLibc } = await import("#ffi/open.ts");
const { isJournal, outboxSink, stderrOutbox, wallClock } = await import("#src/log/stderr.ts");
const { createLogger } = await import("#src/log/logger.ts");
const { formatLogfmt } = await import("#src/log/record.ts");
const journal = isJournal();
const outbox = stderrOutbox(await openLibc());
const time = journal ? undefined : wallClock;
const log = createLogger({ level: "debug", format: formatLogfmt, sink: outboxSink(outbox, journal), time });
for (const level of ["error", "warn", "info", "debug"]) log.log(level, "Said");
outbox.close();
`;

/** Runs {@link SCRIPT} with standard error in a file, and gives the lines. */
function linesWith(journalStream: (file: string) => string | undefined): string[] {
  const folder = mkdtempSync(join(tmpdir(), "teredo-log-"));
  const fd = openSync(join(folder, "stderr"), "w");
  try {
    const { dev, ino } = fstatSync(fd);
    const stream = journalStream(`${dev}:${ino}`);
    const env = { ...process.env, ...(stream === undefined ? {} : { JOURNAL_STREAM: stream }) };
    const done = spawnSync(process.execPath, runArguments.evaluate(SCRIPT), {
      env,
      stdio: ["ignore", "ignore", fd],
    });
    assert.equal(done.status, 0, readFileSync(join(folder, "stderr"), "utf8"));
    return readFileSync(join(folder, "stderr"), "utf8").trimEnd().split("\n");
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

test("outboxSink() puts the priority and no time on lines that go to the journal", () => {
  assert.deepEqual(linesWith((file) => file), [
    "<3>level=error msg=Said",
    "<4>level=warn msg=Said",
    "<6>level=info msg=Said",
    "<7>level=debug msg=Said",
  ]);
});

for (const [name, stream] of [["redirected away from", "1:1"], ["without", undefined]] as const) {
  test(`outboxSink() stamps the time on lines ${name} the journal`, () => {
    for (const line of linesWith(() => stream)) {
      assert.match(line, /^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=\w+ msg=Said$/);
    }
  });
}

test("FACILITIES has every name that Miredo accepts", () => {
  const miredo =
    "auth authpriv cron daemon ftp kern local0 local1 local2 local3 local4 local5 local6 " +
    "local7 lpr mail news syslog user uucp";
  for (const name of miredo.split(" ")) assert.ok(name in FACILITIES, name);
  assert.equal(new Set(Object.values(FACILITIES)).size, Object.keys(FACILITIES).length);
});
