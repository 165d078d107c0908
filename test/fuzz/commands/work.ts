import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { addInput, FOUND, foundFile, keptInputs, readInputs } from "../engine/corpus.ts";
import { writeFinding } from "../engine/finding.ts";
import { fuzz, type Outcome } from "../engine/fuzzer.ts";
import { instrument } from "../engine/instrument.ts";
import { Watchdog } from "../engine/watchdog.ts";
import { COVERS, TARGETS } from "../targets/mod.ts";

export interface WorkPlan {
  readonly executions: number;
  readonly seconds: number;
  readonly seed: number;
}

/** One process of a run: one target on one core. Its last line of output is {@link Outcome} as JSON. */
export async function work(name: string, { executions, seconds, seed }: WorkPlan): Promise<number> {
  instrument(COVERS[name]!);
  const { target } = await TARGETS[name]!();
  mkdirSync(FOUND, { recursive: true });
  const watchdog = new Watchdog(target.most, join(FOUND, `${name}-endless-${seed}.txt`));
  const found = foundFile(name);
  const outcome = await fuzz(target, {
    seed,
    executions,
    seconds,
    inputs: [...keptInputs(name), ...readInputs(found)],
    watchdog,
    onNew: (input) => addInput(found, input),
    onProgress: (outcome) => console.error(lineOf(outcome)),
  });
  await watchdog.close();
  const { failure, ...counts } = outcome;
  console.error(lineOf(outcome));
  if (failure !== undefined) writeFinding(name, failure, seed);
  console.log(JSON.stringify({ ...counts, failed: failure !== undefined }));
  return failure === undefined ? 0 : 1;
}

const digits = new Intl.NumberFormat("en");

export function lineOf(outcome: Outcome): string {
  const { target, executions, seconds, covered, branches, inputs, fresh } = outcome;
  const rate = digits.format(Math.round(executions / Math.max(seconds, 0.001)));
  return `${target}: ${digits.format(executions)} executions, ${rate} a second, ` +
    `${covered} of ${branches} branches, ${inputs} inputs, ${fresh} new`;
}
