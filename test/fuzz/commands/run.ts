import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FOUND } from "../engine/corpus.ts";
import { TARGETS } from "../targets/mod.ts";
import type { Outcome } from "../engine/fuzzer.ts";
import type { WorkPlan } from "./work.ts";

/** An outcome a line, of all runs. */
const RESULTS = join(FOUND, "results.jsonl");

interface RunPlan extends WorkPlan {
  /** Processes at a time. */
  readonly cores: number;
}

/** Those targets on all cores, each; or all targets, one core each. */
export async function run(names: readonly string[], plan: RunPlan): Promise<number> {
  const { cores, seed } = plan;
  const each = names.length === 0 ? 1 : cores;
  const jobs = (names.length === 0 ? Object.keys(TARGETS) : names)
    .flatMap((name) => Array.from({ length: each }, (_, i) => ({ name, seed: seed + i })));
  mkdirSync(FOUND, { recursive: true });
  console.error(`seed ${seed}`);
  let failed = 0;
  const lane = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const executions = Math.ceil(plan.executions / each);
      const outcome = await start(job.name, { ...plan, executions, seed: job.seed });
      if (outcome === undefined || outcome.failed) failed++;
      if (outcome !== undefined) appendFileSync(RESULTS, `${JSON.stringify(outcome)}\n`);
    }
  };
  await Promise.all(Array.from({ length: cores }, lane));
  return failed === 0 ? 0 : 1;
}

type Result = Omit<Outcome, "failure"> & { readonly failed: boolean };

/** One process. @returns undefined if it ended without a word */
function start(name: string, plan: WorkPlan): Promise<Result | undefined> {
  const flags = [`--seed=${plan.seed}`];
  if (plan.seconds !== Infinity) flags.push(`--seconds=${plan.seconds}`);
  if (plan.executions !== Infinity) flags.push(`--executions=${plan.executions}`);
  const [program, main] = process.argv as [string, string];
  const child = spawn(program, [main, "work", name, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (bytes) => text += bytes);
  return new Promise((resolve) => {
    child.on("close", () => {
      const last = text.trim().split("\n").at(-1) ?? "";
      resolve(last.startsWith("{") ? JSON.parse(last) as Result : undefined);
    });
  });
}

/** What all runs came to, as docs/fuzzing.md has it. */
export function table(): number {
  const lines = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8").trim().split("\n") : [];
  const all = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Result);
  const number = new Intl.NumberFormat("en").format;
  const rows = Object.keys(TARGETS).map((name) => {
    const own = all.filter(({ target }) => target === name);
    const executions = own.reduce((sum, it) => sum + it.executions, 0);
    const seconds = own.reduce((sum, it) => sum + it.seconds, 0);
    const covered = Math.max(0, ...own.map((it) => it.covered));
    const branches = Math.max(0, ...own.map((it) => it.branches));
    const rate = seconds === 0 ? 0 : Math.round(executions / seconds);
    return { name, executions, cells: [number(rate), `${covered} of ${branches}`] };
  });
  const total = rows.reduce((sum, { executions }) => sum + executions, 0);
  console.log("| target | executions | a second | branches |\n| - | - | - | - |");
  for (const { name, executions, cells } of rows) {
    console.log(`| \`${name}\` | ${number(executions)} | ${cells.join(" | ")} |`);
  }
  console.log(`| all | ${number(total)} | | |`);
  return 0;
}
