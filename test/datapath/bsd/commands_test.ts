import assert from "node:assert/strict";
import test from "node:test";
import { mustRun, runCommand, typed } from "#src/datapath/bsd/commands.ts";
import { StartError } from "#src/errors.ts";

test("runCommand() gives status and both outputs, with no word of the shell in between", () => {
  const ran = runCommand(["/bin/sh", "-c", 'echo "$1"; echo no >&2; exit 3', "sh", "a  b; $HOME"]);
  assert.deepEqual(ran, { status: 3, stdout: "a  b; $HOME\n", stderr: "no\n" });
});

test("runCommand() keeps messages untranslated and looks for nothing outside of the system", () => {
  const { stdout } = runCommand(["/usr/bin/env"]);
  const set = stdout.split("\n").filter((line) => /^(LC_ALL|PATH)=/.test(line)).sort();
  assert.deepEqual(set, ["LC_ALL=C", "PATH=/sbin:/usr/sbin:/bin:/usr/bin"]);
});

test("runCommand() does not throw for a command that is missing or killed", () => {
  const missing = runCommand(["/nonexistent/ifconfig", "tun0"]);
  assert.equal(missing.status, -1);
  assert.match(missing.stderr, /ENOENT/);
  assert.equal(runCommand(["/bin/sh", "-c", "kill -9 $$"]).status, -1);
});

test("mustRun() names the command that failed and what it said, wherever it said it", () => {
  const ran = { status: 0, stdout: "tun0\n", stderr: "" };
  assert.equal(mustRun(() => ran, ["/sbin/ifconfig", "tun", "create"]), ran);
  const failing = (stdout: string, stderr: string) => () => ({ status: 1, stdout, stderr });
  const argv = ["/sbin/route", "-n", "add", "-inet6", "2001::/32", "-interface", "teredo"];
  const outputs = [
    ["", "ifconfig: SIOCSIFMTU: Invalid argument\n", /: ifconfig: SIOCSIFMTU: Invalid argument$/],
    ["add net 2001::/32: gateway teredo: File exists\n", "", /: add net .*: File exists$/],
    ["", "", /: status 1$/],
    ["", "route: must be root to alter routing table\n", /; start as root$/],
  ] as const;
  for (const [stdout, stderr, expected] of outputs) {
    assert.throws(
      () => mustRun(failing(stdout, stderr), argv),
      (error) =>
        error instanceof StartError && expected.test(error.message) &&
        error.message.includes("`route -n add -inet6 2001::/32 -interface teredo` failed"),
    );
  }
});

test("typed() is what an operator types", () => {
  assert.equal(typed(["/sbin/ifconfig", "tun0", "destroy"]), "ifconfig tun0 destroy");
  assert.equal(typed(["ls"]), "ls");
});
