import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { EXIT, EXIT_ROWS } from "#src/cli/exit.ts";
import { onMachine } from "./namespace.ts";
import { teredo } from "./run.ts";

const WRONG = join(mkdtempSync(join(tmpdir(), "teredo-exit-")), "wrong.ini");
writeFileSync(WRONG, "relay]\n");

/** Commands that exit with each status. What needs a daemon stands below. */
const rows: readonly [keyof typeof EXIT, readonly string[]][] = [
  ["Ok", ["--version"]],
  ["Ok", ["decode", "2001:0:102:304::"]],
  ["Failed", ["status", "--url", "unix:/etc/passwd"]],
  ["Usage", ["relay", "--bogus"]],
  ["Usage", ["decode", "::1"]],
  ["Usage", []],
  ["Usage", ["--"]],
  ["Usage", ["check", "--"]],
  ["Usage", ["check", "--", "relay"]],
  ["NotRunning", ["status", "--url", "unix:/nowhere/s"]],
  ["NotRunning", ["peers", "--url", "unix:/nowhere/s"]],
  ["NotRunning", ["why", "192.0.2.1", "--url", "unix:/nowhere/s"]],
  ["Config", ["config", "check", WRONG]],
  ["Config", ["config", "show", WRONG]],
  ["Config", ["config", "convert", WRONG]],
  ["Config", ["relay", "-c", WRONG]],
  ["Config", ["server", "-c", WRONG]],
  ["Config", ["status", "-c", "/nowhere/teredo.ini"]],
];

for (const [name, args] of rows) {
  test(`teredo ${args.join(" ").replace(WRONG, "WRONG")} exits with ${name}`, () => {
    const { status, stderr } = teredo(args);
    assert.equal(status, EXIT[name], stderr);
  });
}

test("a daemon's state is the exit status of teredo status", () => {
  const { stdout } = onMachine(`status() { teredo status "$@" > /dev/null 2>&1; echo "$1 $?"; }
config="-c $work/teredo.ini"
status relay $config
daemon relay relay $config --drain-time 60s
until_says relay msg=Ready
status relay $config
status server $config
status $config
sysctl -qw net.ipv6.conf.all.forwarding=0
until_says relay check=forwarding
status relay $config
kill $pid
until_says relay msg=Draining
status relay $config
kill $pid; ended
teredo check relay -c $work/none.ini > /dev/null; echo "check $?"
teredo check relay $config > /dev/null; echo "check $?"`);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    `relay ${EXIT.NotRunning}`,
    `relay ${EXIT.Ok}`,
    `server ${EXIT.NotRunning}`,
    `-c ${EXIT.Ok}`,
    `relay ${EXIT.NotReady}`,
    `relay ${EXIT.Draining}`,
    `exit status ${EXIT.Failed}`,
    `check ${EXIT.Failed}`,
    `check ${EXIT.Failed}`,
  ]);
});

test("every status is in one table, with its meaning", () => {
  assert.deepEqual(EXIT_ROWS.map(([code]) => code), [0, 1, 2, 3, 4, 5, 78]);
  for (const [, meaning] of EXIT_ROWS) assert.match(meaning, /^[A-Z`].*\.$/);
});
