import { Prng } from "#test/sim/prng.ts";
import { Coverage } from "./branches.ts";
import { minimise } from "./minimise.ts";
import { Mutator } from "./mutate.ts";
import type { Run, Target } from "./target.ts";
import type { Watchdog } from "./watchdog.ts";

export interface Plan {
  readonly seed: number;
  /** Whichever is over first. */
  readonly executions: number;
  readonly seconds: number;
  /** Besides the target's seeds. */
  readonly inputs: readonly Uint8Array[];
  readonly watchdog?: Watchdog | undefined;
  /** Told of an input that took a branch no other did, or took one more often. */
  readonly onNew?: (input: Uint8Array) => void;
  /** Told of how far it is, every few seconds. */
  readonly onProgress?: (outcome: Outcome) => void;
}

export interface Outcome {
  readonly target: string;
  readonly executions: number;
  readonly seconds: number;
  /** Branches taken, of all in what is loaded. */
  readonly covered: number;
  readonly branches: number;
  /** Inputs that are kept, and how many of these are new. */
  readonly inputs: number;
  readonly fresh: number;
  readonly failure?: Failure;
}

export interface Failure {
  readonly error: unknown;
  /** The smallest that fails in the same way. */
  readonly input: Uint8Array;
  /** Whether it fails in a world of its own: else others before it are to blame as well. */
  readonly alone: boolean;
}

interface Failed {
  readonly error: unknown;
}

const PROGRESS_EVERY = 5;
/** Executions between two looks at the clock. */
const STRIDE = 64;
/** Of the inputs that were found last, so many are tried as often as all others together. */
const LATEST = 32;

/** Tries inputs until one fails, or the plan is at its end. */
export async function fuzz(target: Target, plan: Plan): Promise<Outcome> {
  const random = new Prng(plan.seed);
  const mutator = new Mutator(target, random);
  const coverage = new Coverage();
  const run = await target.open();
  const queue: Uint8Array[] = [];
  const began = performance.now();
  let [executions, fresh, told] = [0, 0, began];

  const outcome = (failure?: Failure): Outcome => ({
    target: target.name,
    executions,
    seconds: (performance.now() - began) / 1_000,
    covered: coverage.covered,
    branches: coverage.all,
    inputs: queue.length,
    fresh,
    ...(failure === undefined ? {} : { failure }),
  });
  // What runs at once is not waited for: that would take longer than many an execution.
  const attempt = (input: Uint8Array): Failed | undefined | Promise<Failed | undefined> => {
    plan.watchdog?.see(input);
    executions++;
    try {
      return run(input)?.then(() => undefined, (error) => ({ error }));
    } catch (error) {
      return { error };
    }
  };

  coverage.take(); // what opening took
  for (const input of [...target.seeds(), ...plan.inputs]) {
    const failed = await attempt(input);
    if (failed !== undefined) return outcome(await look(target, input, failed.error));
    if (coverage.take()) queue.push(input);
  }
  if (queue.length === 0) queue.push(new Uint8Array(0), ...target.seeds(), ...plan.inputs);

  while (executions < plan.executions) {
    if (executions % STRIDE === 0) {
      const now = performance.now();
      if (now - began > 1_000 * plan.seconds) break;
      if (now - told > 1_000 * PROGRESS_EVERY) {
        told = now;
        plan.onProgress?.(outcome());
      }
    }
    const latest = Math.min(LATEST, queue.length);
    const parent = random.below(2) === 0
      ? queue[queue.length - 1 - random.below(latest)]!
      : random.pick(queue);
    const input = mutator.next(parent, random.pick(queue));
    let failed = attempt(input);
    if (failed instanceof Promise) failed = await failed;
    if (failed !== undefined) {
      return outcome(await look(target, input.slice(), failed.error));
    }
    if (coverage.take()) {
      const kept = input.slice();
      queue.push(kept);
      fresh++;
      plan.onNew?.(kept);
    }
  }
  return outcome();
}

/** Makes the failing input as small as may be. */
async function look(target: Target, input: Uint8Array, error: unknown): Promise<Failure> {
  const first = await failureOf(target, input);
  if (first === undefined) return { error, input, alone: false };
  const kind = kindOf(first.error);
  const smallest = await minimise(input, target.unit, async (candidate) => {
    const failed = await failureOf(target, candidate);
    return failed !== undefined && kindOf(failed.error) === kind;
  });
  return { error: (await failureOf(target, smallest))!.error, input: smallest, alone: true };
}

/** How an input fails in a world of its own; undefined: it does not. */
export async function failureOf(
  target: Target,
  input: Uint8Array,
): Promise<Failed | undefined> {
  try {
    await tryIn(await target.open(), input);
    return undefined;
  } catch (error) {
    return { error };
  }
}

async function tryIn(run: Run, input: Uint8Array): Promise<void> {
  await run(input);
}

/** Where an error comes from: its kind and the first lines of its stack, without its words. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? "").split("\n").filter((line) => /\.tsx?:\d+/.test(line));
  return [error.name, ...frames.slice(0, 3)].join("\n");
}

/**
 * The inputs that together take all that these take, smaller ones for larger ones: first those without
 * which a branch would not be taken at all, then those that take one more or less often.
 */
export async function selection(
  target: Target,
  inputs: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const run = await target.open();
  const coverage = new Coverage();
  coverage.take();
  const [needed, others]: Uint8Array[][] = [[], []];
  for (const input of inputs.toSorted((a, b) => a.length - b.length)) {
    await run(input);
    const { covered } = coverage;
    if (coverage.take()) (coverage.covered > covered ? needed : others)!.push(input);
  }
  return [...needed!, ...others!];
}
