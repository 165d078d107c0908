import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { keptInputs, toHex } from "./engine/corpus.ts";
import { fuzz } from "./engine/fuzzer.ts";
import { COVERS, TARGETS } from "./targets/mod.ts";

/**
 * What is kept of the corpus, findings among it, and after it so many inputs that are made of it, the
 * same each time. Without counted branches: what finds new ways is `scripts/fuzz`.
 */
const EXECUTIONS: Readonly<Record<keyof typeof TARGETS, number>> = {
  datagram: 100_000,
  relay: 1_500,
  server: 10_000,
  client: 600,
  host_rules: 600,
  segments: 600,
  relay_programs: 4_000,
  server_program: 4_000,
  config: 400,
  command_line: 600,
  http: 1_500,
  handover: 3_000,
  netlink: 1_200,
  recording: 600,
  helpers: 4_000,
};
const SEED = 4380;

for (const [name, load] of Object.entries(TARGETS)) {
  test(`${name}: what has to hold does, of all that is kept and of inputs made of it`, {
    timeout: 600_000,
  }, async () => {
    const { target } = await load();
    const inputs = keptInputs(name);
    assert.ok(inputs.length > 0, "nothing is kept");
    const executions = inputs.length + EXECUTIONS[name]!;
    const plan = { seed: SEED, executions, seconds: Infinity, inputs };
    const { failure, executions: done } = await fuzz(target, plan);
    if (failure !== undefined) {
      const { error, input } = failure;
      assert.fail(`${error instanceof Error ? error.stack : error}\ninput: ${toHex(input)}`);
    }
    assert.ok(done >= executions);
  });
}

test("TARGETS: each has its file, its corpus and what it covers", () => {
  const files = (folder: string) => readdirSync(join(import.meta.dirname!, folder));
  const names = Object.keys(TARGETS).sort();
  const own = files("targets").filter((it) => it !== "mod.ts");
  assert.deepEqual(own.map((it) => it.replace(/\.ts$/, "")).sort(), names);
  assert.deepEqual(files("corpus").map((it) => it.replace(/\.txt$/, "")).sort(), names);
  assert.deepEqual(Object.keys(COVERS).sort(), names);
});
