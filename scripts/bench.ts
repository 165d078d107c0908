/** The bench's command line and its order; run it by scripts/bench. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { measureClients } from "#test/bench/client/measure.ts";
import { Labs } from "#test/bench/labs.ts";
import { measureFastPath } from "#test/bench/fast_path.ts";
import { measureLatency } from "#test/bench/latency.ts";
import { measureMillion } from "#test/bench/million.ts";
import { measureBinary, measureStart } from "#test/bench/start.ts";
import { measureCosts, measureGenerator, measurePackets } from "#test/bench/packets.ts";
import { chart } from "#test/bench/chart.ts";
import { caption, failures, hardware, type Machine, markdown } from "#test/bench/report.ts";
import { Results, verdictOf } from "#test/bench/results.ts";
import { measureTcp } from "#test/bench/tcp.ts";
import { measureServer } from "#test/bench/server_load.ts";

interface Case {
  readonly letter: string;
  /** Once, before the rounds or after them. */
  readonly first?: (labs: Labs, results: Results) => Promise<void>;
  readonly round?: (labs: Labs, results: Results) => Promise<void>;
  readonly last?: (labs: Labs, results: Results) => Promise<void>;
}

const CASES: readonly Case[] = [
  { letter: "a", round: measureTcp },
  { letter: "b", first: measureGenerator, round: measurePackets },
  { letter: "c", round: measureCosts },
  { letter: "d", round: measureLatency },
  { letter: "e", round: measureServer },
  { letter: "f", last: measureMillion },
  { letter: "g", first: measureBinary, round: measureStart },
  { letter: "h", round: measureFastPath },
  { letter: "i", round: measureClients },
];

interface Options {
  readonly rounds: number;
  readonly cases: readonly Case[];
  readonly json: string;
  readonly svg: string;
  /** Whether docs/performance.md gets the tables. */
  readonly docs: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      only: { type: "string" },
      json: { type: "string", default: "dist/bench.json" },
      svg: { type: "string", default: "dist/bench.svg" },
      docs: { type: "boolean", default: false },
    },
  });
  if (!/^[1-9]\d?$/.test(values.rounds)) throw new Error(`--rounds: no number: ${values.rounds}`);
  if (values.docs && values.only !== undefined) {
    throw new Error("--docs is for all cases: without --only");
  }
  const letters = values.only?.split(",") ?? CASES.map(({ letter }) => letter);
  const cases = letters.map((letter) => {
    const found = CASES.find((it) => it.letter === letter);
    if (found === undefined) throw new Error(`--only: no case ${letter}`);
    return found;
  });
  return {
    rounds: Number(values.rounds),
    cases,
    json: values.json,
    svg: values.svg,
    docs: values.docs,
  };
}

type Step = "first" | "round" | "last";

/** Each round takes the makers in turn within every row, so that a machine's moods meet them all. */
async function measure({ rounds, cases }: Options, results: Results): Promise<void> {
  const labs = new Labs();
  const take = async (step: Step) => {
    for (const one of cases) {
      await results.attempt(one.letter, "the case itself", () => one[step]?.(labs, results));
    }
  };
  try {
    await take("first");
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}, ${Math.round(performance.now() / 1_000)} s`);
      await take("round");
    }
    await take("last");
  } finally {
    await labs.close();
  }
}

function firstLine(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
    .trim().split("\n")[0]!;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Puts the report between the two comments that mark its place. */
function replaceTables(file: string, report: string): void {
  const text = readFileSync(file, "utf8");
  const marked = /(<!-- scripts\/bench --docs -->)[\s\S]*(<!-- end -->)/;
  if (!marked.test(text)) throw new Error(`${file} has no place for the tables`);
  writeFileSync(file, text.replace(marked, (_, start, end) => `${start}\n\n${report}\n${end}`));
}

let options: Options;
try {
  options = readOptions();
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
const started = new Date().toISOString().slice(0, 16).replace("T", " ");
const results = new Results();
await measure(options, results);
const machine: Machine = {
  ...hardware(),
  teredo: firstLine(process.env["TEREDO_BIN"]!, "--version"),
  miredo: firstLine("miredo", "-V"),
  runtime: `Bun ${process.versions.bun}`,
  rounds: options.rounds,
  started,
  minutes: performance.now() / 60_000,
};
const rows = results.rows.map((row) => ({ ...row, verdict: verdictOf(row) }));
write(options.json, JSON.stringify({ machine, rows }, undefined, 2) + "\n");
write(options.svg, chart(results.rows, caption(machine)));
const report = markdown(machine, results.rows);
console.log(report);
if (options.docs) {
  write("docs/performance.svg", chart(results.rows, caption(machine)));
  replaceTables("docs/performance.md", report);
}
const failed = failures(results.rows);
if (failed !== "") {
  console.log(`Failed:\n\n${failed}`);
  process.exitCode = 1;
}
