import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import fc from "fast-check";
import { createLogger, type Logger } from "#src/log/logger.ts";
import { LimitedLog } from "#src/log/limited.ts";
import { FIELD_NAMES, type Fields, formatJson, formatLogfmt, type Level } from "#src/log/record.ts";

const AT = "2026-11-23T06:00:00.000Z";

function recording(level: Level): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const sink = (_: Level, line: string) => void lines.push(line);
  return { log: createLogger({ level, format: formatLogfmt, sink, time: undefined }), lines };
}

const logfmt: readonly [string, Fields, string][] = [
  ["a bare word stays bare", { path: "/run/teredo.sock" }, "path=/run/teredo.sock"],
  ["an address stays bare", { url: "http://127.0.0.1:9545/" }, "url=http://127.0.0.1:9545/"],
  ["blanks are quoted", { error: "no such file" }, 'error="no such file"'],
  ["the empty value is quoted", { error: "" }, 'error=""'],
  ["quotes and equals signs are quoted", { error: 'a="b"' }, 'error="a=\\"b\\""'],
  ["a line feed cannot start a line", { error: "a\nlevel=error" }, 'error="a\\nlevel=error"'],
  ["an escape cannot reach the terminal", { error: "\x1b[31m" }, 'error="\\u001b[31m"'],
  ["neither can DEL or a C1 control", { error: "\x7f\x9b" }, 'error="\\u007f\\u009b"'],
  ["text cannot be turned round", { error: "a\u202eb" }, 'error="a\\u202eb"'],
  ["nor hidden, beyond 16 bits too", { error: "\u200b\u{e0041}" }, 'error="\\u200b\\udb40\\udc41"'],
  ["half a character is written as what it is", { error: "\ud800" }, 'error="\\ud800"'],
  ["what is too long is cut", { error: "x".repeat(5_000) }, `error=${"x".repeat(1_000)}\u2026`],
  ["numbers and flags", { count: 3, mtu: 1280 }, "count=3 mtu=1280"],
  [
    "lists are joined",
    { listening: ["192.0.2.1:3544", "[::1]:2"] },
    "listening=192.0.2.1:3544,[::1]:2",
  ],
  ["what is undefined is left out", { error: undefined, count: 0 }, "count=0"],
];

for (const [name, fields, want] of logfmt) {
  test(`formatLogfmt() ${name}`, () => {
    const line = formatLogfmt({ time: AT, level: "info", message: "Ready", fields });
    assert.equal(line, `time=${AT} level=info msg=Ready ${want}`);
  });
}

test("formatLogfmt() leaves the time out where the receiver stamps lines", () => {
  const record = { time: undefined, level: "warn", message: "Two words", fields: {} } as const;
  assert.equal(formatLogfmt(record), 'level=warn msg="Two words"');
});

test("formatJson() gives the same names, one object a line", () => {
  const fields = { count: 2, listening: ["a", "b"], error: "x\n\x9b", path: undefined };
  const line = formatJson({ time: AT, level: "error", message: "Failed", fields });
  assert.ok(!line.includes("\n") && !line.includes("\x9b"));
  assert.deepEqual(JSON.parse(line), {
    time: AT,
    level: "error",
    msg: "Failed",
    count: 2,
    listening: ["a", "b"],
    error: "x\n\x9b",
  });
});

/** Half characters are among them. */
const codePoints = fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 40 });

test("formatJson() lets no text of any length or kind out of its line", () => {
  fc.assert(
    fc.property(codePoints, fc.constantFrom(1, 60), (points, n) => {
      const error = String.fromCodePoint(...points).repeat(n);
      const fields = { error, listening: [error, error] };
      const record = { time: AT, level: "warn", message: "Said", fields } as const;
      for (const line of [formatJson(record), formatLogfmt(record)]) {
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.ok(line.length < 40_000);
      }
      const [read] = JSON.parse(formatJson(record)).listening;
      assert.equal(read, error.length > 1_000 ? `${error.slice(0, 1_000)}\u2026` : error);
    }),
    { numRuns: 200 },
  );
});

test("Logger writes its level and graver ones only", () => {
  const { log, lines } = recording("warn");
  log.error("e");
  log.warn("w");
  log.info("i");
  log.debug("d");
  assert.deepEqual(lines, ["level=error msg=e", "level=warn msg=w"]);
});

test("Logger makes no fields for a level that is off", () => {
  const { log, lines } = recording("info");
  let made = 0;
  log.debug("d", () => ({ count: ++made }));
  log.info("i", () => ({ count: ++made }));
  assert.equal(made, 1);
  assert.deepEqual(lines, ["level=info msg=i count=1"]);
});

test("LimitedLog lets a burst through and says how many it suppressed", () => {
  const { log, lines } = recording("info");
  let now = 0;
  const limited = new LimitedLog(log, { burst: 2, interval: 1000, maxKeys: 4, now: () => now });
  for (let i = 0; i < 5; i++) limited.log("a", "warn", "A", { count: i });
  limited.log("b", "warn", "B");
  limited.flush();
  assert.deepEqual(lines.splice(0), [
    "level=warn msg=A count=0",
    "level=warn msg=A count=1",
    "level=warn msg=B",
  ]);
  now = 1000;
  limited.log("a", "warn", "A", { count: 9 });
  limited.flush();
  assert.deepEqual(lines, ["level=warn msg=A suppressed=3", "level=warn msg=A count=9"]);
});

test("LimitedLog.flush() reports keys that fell silent", () => {
  const { log, lines } = recording("info");
  let now = 0;
  const limited = new LimitedLog(log, { burst: 1, interval: 1000, maxKeys: 4, now: () => now });
  limited.log("a", "info", "A");
  limited.log("a", "info", "A");
  now = 5000;
  limited.flush();
  limited.flush();
  assert.deepEqual(lines, ["level=info msg=A", "level=info msg=A suppressed=1"]);
});

test("LimitedLog is bounded however many keys come", () => {
  const { log, lines } = recording("info");
  let now = 0;
  const limited = new LimitedLog(log, { burst: 1, interval: 1000, maxKeys: 3, now: () => now });
  for (let i = 0; i < 1000; i++) limited.log(`key ${i}`, "info", "K");
  assert.equal(lines.length, 4, "three keys and one allowance for all the others");
  now = 1000;
  limited.flush();
  assert.equal(lines.at(-1), "level=info msg=K suppressed=996");
});

test("docs/logging.md explains every field", () => {
  const text = readFileSync("docs/logging.md", "utf8");
  for (const name of ["time", "level", "msg", ...FIELD_NAMES]) {
    assert.match(text, new RegExp(`^\\| \`${name}\` +\\|`, "m"), name);
  }
});
