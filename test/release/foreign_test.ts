import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { archiveOf, unpacked } from "./release.ts";

/** Those that run here: scripts/foreign says how. scripts/release_check runs the suites with them. */
const RUNNABLE = ["linux-x64", "linux-x64-musl", "linux-arm64", "linux-arm64-musl"] as const;
type Runnable = typeof RUNNABLE[number];

const ADDRESS = "2001:0:4136:e378:8000:63bf:3fff:fdd2"; // of RFC 4380 §5.2.3's kind

function run(target: Runnable, program: string, args: readonly string[], env = {}) {
  const { status, stdout, stderr } = spawnSync("scripts/foreign", [target, program, ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", ...env },
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr };
}

for (const target of RUNNABLE) {
  test(`${target} runs: --version, decode, config check and a refusal`, () => {
    const work = mkdtempSync(join(tmpdir(), "teredo-foreign-"));
    const right = join(work, "right.ini");
    const wrong = join(work, "wrong.ini");
    writeFileSync(right, "[relay]\nbind_port = 3545\n");
    writeFileSync(wrong, "[relay]\nbind_address = here\n");
    try {
      unpacked(target, (folder) => {
        const program = join(folder, "teredo");
        const { version } = archiveOf(target);
        const done = (...args: string[]) => run(target, program, args);
        assert.deepEqual(done("--version"), { status: 0, stdout: `${version}\n`, stderr: "" });
        // Unsealed, the first of them would print Bun's version.
        const spoiled = { BUN_BE_BUN: "1", BUN_OPTIONS: "--revision", BUN_JSC_noSuchOption: "1" };
        assert.equal(run(target, program, ["--version"], spoiled).stdout, `${version}\n`);
        assert.match(done("decode", ADDRESS).stdout, /mapped address {2}192\.0\.2\.45\n/);
        assert.equal(
          done("config", "check", right).stdout,
          `${right}: ok, native syntax, for relay\n`,
        );
        const refused = done("config", "check", wrong);
        assert.equal(refused.status, 78);
        assert.match(refused.stderr, /:2: .*bind_address: /);
      });
    } finally {
      rmSync(work, { recursive: true });
    }
  });
}
