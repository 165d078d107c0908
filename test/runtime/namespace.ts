import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import test from "node:test";

/** Set in the inner run, to the outer network namespace. */
const MARK = "TEREDO_TEST_OUTER_NETNS";
const NETNS = "/proc/self/ns/net";
const TIMEOUT_MS = 600_000;
const ISOLATED = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
// As if the machine had been up for a day more: some tests have a past.
ISOLATED.push("--time", "--boottime", "86400");

/** How this runtime is told to run tests, and a program; each then takes a file. */
const { tests: RUN_TESTS, program: RUN } = {
  bun: { tests: ["test", "--timeout", `${TIMEOUT_MS}`], program: ["run"] },
  deno: { tests: ["test", "-A", "--no-check"], program: ["run", "-A", "--no-check"] },
  node: { tests: [], program: [] },
}["Bun" in globalThis ? "bun" : "Deno" in globalThis ? "deno" : "node"];
export { RUN };

/**
 * Runs `tests` in a network, mount, process and time namespace of their own, which vanishes with them.
 *
 * The file runs itself again inside, under the same runtime, as the one test of the outer run.
 *
 * @param file of the caller
 */
export function inNamespace(file: string, tests: () => void, timeout = TIMEOUT_MS): void {
  const outer = process.env[MARK];
  if (outer !== undefined) {
    assert.notEqual(readlinkSync(NETNS), outer, "these tests would change the host's own network");
    return tests();
  }
  const name = `${basename(file)} in a network namespace`;
  test(name, { timeout }, () => {
    assert.equal(process.getuid?.(), 0, "making network namespaces and TUN interfaces needs root");
    const inner = [process.execPath, ...RUN_TESTS, file];
    const { status, stdout, stderr, error } = spawnSync("unshare", [...ISOLATED, ...inner], {
      encoding: "utf8",
      env: { ...process.env, [MARK]: readlinkSync(NETNS), NO_COLOR: "1" },
      timeout,
    });
    assert.equal(error, undefined, "unshare (Debian package util-linux) is needed");
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(
      `${stdout}\n${stderr}`,
      /\b[1-9]\d* pass|\bpass [1-9]/,
      "the inner run ran no test",
    );
  });
}

/** Runs a command of blank-separated words; its output. Throws when it fails. */
export function sh(command: string): string {
  const [program, ...args] = command.split(" ");
  return execFileSync(program!, args, { encoding: "utf8", stdio: "pipe" });
}

/** What `ip -j` prints, parsed. */
// deno-lint-ignore no-explicit-any -- JSON of iproute2, looked into field by field
export function ip(args: string): any[] {
  return JSON.parse(sh(`ip -d -j ${args}`) || "[]");
}
