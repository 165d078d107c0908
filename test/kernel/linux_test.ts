import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { release } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { RUN } from "../runtime/namespace.ts";
import { PaperLinuxBackend } from "./linux/backend.ts";
import { PLANS } from "./linux/plans.ts";

/**
 * Each plan is played twice, on the Linux of paper and on the kernel of this machine, by the same
 * code: what the program called, what it was answered and what became of the host must be the same.
 */

const PROGRAM = join(import.meta.dirname!, "linux", "real_life.ts");
const TIMEOUT_MS = 600_000;

function onPaper(name: string): readonly string[] {
  const backend = new PaperLinuxBackend();
  backend.system.hasUso = isAtLeast(6, 2);
  PLANS[name]!.play(backend);
  return backend.transcript.lines;
}

/** Whether the kernel of this machine is that new. */
function isAtLeast(major: number, minor: number): boolean {
  const [ours, minorOurs] = release().split(/\D+/).map(Number) as [number, number];
  return ours > major || (ours === major && minorOurs >= minor);
}

function onThisMachine(name: string): readonly string[] {
  const isolated = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const argv = [...isolated, process.execPath, ...RUN, PROGRAM, name];
  const options = { encoding: "utf8", timeout: TIMEOUT_MS } as const;
  const { status, stdout, stderr, error } = spawnSync("unshare", argv, options);
  assert.equal(error, undefined, "unshare (Debian package util-linux) is needed");
  assert.equal(status, 0, `${stderr}\n${stdout}`);
  return stdout.trimEnd().split("\n");
}

/** What is busy is asked for again, as long as nobody can be seen who has it: on paper nobody can. */
function once(lines: readonly string[]): readonly string[] {
  return lines.filter((line, i) => !line.endsWith("EBUSY") || line !== lines[i - 1]);
}

for (const name of Object.keys(PLANS)) {
  test(`Linux of paper and Linux itself say the same: ${name}`, { timeout: TIMEOUT_MS }, () => {
    assert.equal(process.getuid?.(), 0, "making network namespaces and TUN interfaces needs root");
    assert.deepEqual(once(onThisMachine(name)), once(onPaper(name)));
  });
}
