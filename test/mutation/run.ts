/**
 * Changes the source in one place at a time, and runs the nearest tests: `scripts/mutate`. A change
 * that no test notices shows what could break unseen; docs/mutation.md has what came of it.
 */
import { appendFileSync, existsSync, globSync, mkdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { parseArgs } from "node:util";
import { createHash } from "node:crypto";
import { type Mutant, mutantsOf } from "./mutants.ts";
import { Nearest } from "./nearest.ts";
import { explanationOf, type Judged, report, type Verdict } from "./report.ts";
import { type Limits, Sandbox } from "./sandbox.ts";

const FOLDERS = ["src/protocol", "src/segments", "src/config", "src/daemon"];
/** Tests that run what they test in their own process, where the lines that they run can be told. */
const TESTS =
  "test/{config,daemon,datapath,docs,log,property,protocol,segments,sim,status}/**/*_test.ts";
/** Tests that start the program: what no other reaches, and what others let pass. */
const PROGRAM_TESTS = "test/{cli/*,netns/firewall}_test.ts";
/** Of the program, not of its daemons: they start none, or say words alone. */
const OTHER_COMMANDS = /\/(announce|completion|explain|json|top)_test/;
/** Of the tests that run a file: as many as take so long together, the nearest first. */
const NEAR_SECONDS = 2;
const ALL_SECONDS = 12;
const PROGRAM_LIMITS: Limits = { processorSeconds: 120, seconds: 240 };
/** Tests that start programs and are known to pass where nothing is changed. */
const sound = new Set<string>();
const RESULTS = "dist/mutation/results.jsonl";
const REACH = "dist/mutation/reach.json";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    sample: { type: "string" },
    minutes: { type: "string" },
    again: { type: "boolean", default: false },
    program: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});

/** The same until its line is another, wherever that has moved to. */
const keyOf = ({ path, code, was, text, nth }: Mutant) =>
  createHash("sha256").update(JSON.stringify([path, code, was, text, nth])).digest("hex");

const judged = new Map<string, Judged>();
if (existsSync(RESULTS)) {
  for (const line of readFileSync(RESULTS, "utf8").trimEnd().split("\n")) {
    const result = JSON.parse(line) as Judged;
    judged.set(result.key, result);
  }
}

const paths = positionals.length === 0 ? FOLDERS : positionals;
const files = paths.flatMap((path) => path.endsWith(".ts") ? [path] : globSync(`${path}/**/*.ts`));
const mutants = await mutantsOf(files.toSorted());
if (!values.report) judgeAll(draw(mutants, paths));
// What another draw found out is as true.
const results = mutants.map((mutant) => judged.get(keyOf(mutant))).filter((one) =>
  one !== undefined
);
process.stdout.write(report(results, mutants));

/** Of each path so many, in an order that the seed tells: a larger sample has a smaller one in it. */
function draw(mutants: readonly Mutant[], paths: readonly string[]): Mutant[] {
  const placed = mutants.map((mutant) => ({ mutant, place: placeOf(mutant) }))
    .sort((a, b) => a.place < b.place ? -1 : 1);
  return paths.flatMap((path) => {
    const below = placed.filter(({ mutant }) => `${mutant.path}/`.startsWith(`${path}/`));
    return below.slice(0, Number(values.sample ?? below.length)).map(({ mutant }) => mutant);
  });
}

function placeOf(mutant: Mutant): string {
  return createHash("sha256").update(`${values.seed} ${keyOf(mutant)}`).digest("hex");
}

function judgeAll(chosen: readonly Mutant[]): void {
  const verdictOf = (mutant: Mutant) => judged.get(keyOf(mutant))?.verdict;
  const open = values.again
    ? mutants.filter((mutant) => verdictOf(mutant) === "survived" && !explanationOf(mutant))
    : chosen.filter((mutant) => verdictOf(mutant) === undefined);
  if (open.length === 0) return;
  const end = performance.now() + Number(values.minutes ?? Infinity) * 60_000;
  mkdirSync("dist/mutation", { recursive: true });
  using sandbox = new Sandbox(`dist/mutation/tree.${process.pid}`);
  const nearest = new Nearest(sandbox, globSync(TESTS).sort(), REACH);
  const program = globSync(PROGRAM_TESTS).filter((path) => !OTHER_COMMANDS.test(path)).sort();
  for (const mutant of open) {
    if (performance.now() > end) break;
    const key = keyOf(mutant);
    const result = { key, ...mutant, ...judge(mutant, sandbox, nearest, program) };
    if (program.includes(result.by)) assertSound(sandbox, result.by);
    judged.set(key, result);
    appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
  }
}

function judge(
  mutant: Mutant,
  sandbox: Sandbox,
  nearest: Nearest,
  program: readonly string[],
): { verdict: Verdict; by: string } {
  const source = readFileSync(mutant.path, "utf8");
  const text = source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end);
  return sandbox.with(mutant.path, text, () => {
    for (const { tests, seconds } of batches(nearest.of(mutant.path, mutant.line))) {
      const limits = { processorSeconds: Math.ceil(10 + 10 * seconds), seconds: 40 + 20 * seconds };
      const killed = kill(sandbox, tests, limits);
      if (killed !== undefined) return killed;
    }
    if (!sandbox.compiles()) return { verdict: "refused", by: "tsc" };
    if (!values.program) return { verdict: "survived", by: "" };
    for (const test of related(mutant.path, program)) {
      const killed = kill(sandbox, [test], PROGRAM_LIMITS);
      if (killed !== undefined) return killed;
    }
    return { verdict: "survived", by: "" };
  });
}

/** What starts programs depends on the machine: a test that fails on this one anyway shows nothing. */
function assertSound(sandbox: Sandbox, test: string): void {
  if (sound.has(test)) return;
  const { outcome } = sandbox.test([test], PROGRAM_LIMITS);
  if (outcome !== "passed") throw new Error(`${test} fails here without any change`);
  sound.add(test);
}

/** Which test notices; undefined: none does. One that fails beside others alone has to fail by itself. */
function kill(
  sandbox: Sandbox,
  tests: readonly string[],
  limits: Limits,
): { verdict: Verdict; by: string } | undefined {
  const { outcome, last } = sandbox.test(tests, limits);
  if (outcome === "passed") return undefined;
  if (outcome === "timeout" || tests.length === 1) return { verdict: outcome, by: last };
  for (const test of [last, ...tests.filter((test) => test !== last)]) {
    const killed = kill(sandbox, [test], limits);
    if (killed !== undefined) return killed;
  }
  return undefined;
}

function* batches(tests: readonly { test: string; seconds: number }[]) {
  for (let from = 0, sum = 0, limit = NEAR_SECONDS; from < tests.length; limit = ALL_SECONDS) {
    let seconds = 0;
    let to = from;
    while (to < tests.length && (to === from || sum + tests[to]!.seconds <= limit)) {
      sum += tests[to]!.seconds;
      seconds += tests[to++]!.seconds;
    }
    yield { tests: tests.slice(from, to).map(({ test }) => test), seconds };
    if (limit === ALL_SECONDS) return;
    from = to;
  }
}

/** Those whose name is in the path, then the one that is of a daemon's whole life. */
function related(path: string, program: readonly string[]): string[] {
  const isNamed = (test: string) => path.includes(/(\w+)_test/.exec(test)![1]!);
  const whole = program.filter((test) => test.endsWith("/daemon_test.ts") && !isNamed(test));
  return [...program.filter(isNamed), ...whole];
}
