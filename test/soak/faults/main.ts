import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { machine } from "../report.ts";
import type { Fault, FaultOptions } from "./contract.ts";
import { pageOf } from "./report.ts";
import { KEPT, type Outcome, readResults, type Results, writeResults } from "./results.ts";
import { SECTIONS } from "./sections.ts";

const USAGE =
  `usage: scripts/soak faults [--only WORDS] [--kills N] [--seed N] [--json FILE] [--docs]
       scripts/soak faults --page

Brings about each fault of docs/faults.md, in namespaces, and judges what was promised of it: about an
hour, most of it waiting. --only takes a regular expression that a fault's name is to match.
--kills is how often each of four is killed, 334 when it is not said. What was found goes to
dist/faults.json, unless named otherwise, as it is found. With --docs it is kept for good and
docs/faults.md is made of it: of all faults nothing of earlier runs is left, of those of --only the
others' rows stay with the runs that they came of. --page makes that document of what is kept, and
brings about nothing. The status is 1 when a promise was broken.
`;
const DOCUMENT = "docs/faults.md";

async function tryOne(fault: Fault, options: FaultOptions, run: string): Promise<Outcome> {
  try {
    return { ...await fault.run(options), run };
  } catch (error) {
    return { broken: error instanceof Error ? error.message : String(error), run };
  }
}

/** What is kept of faults that there are, in their order. */
function keep(results: Results): void {
  const names = SECTIONS.flatMap(({ faults }) => faults.map(({ name }) => name));
  const kept = names.filter((name) => results[name] !== undefined);
  writeResults(KEPT, Object.fromEntries(kept.map((name) => [name, results[name]!])));
  writeFileSync(DOCUMENT, pageOf(readFileSync(DOCUMENT, "utf8"), SECTIONS, results));
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    kills: { type: "string", default: "334" },
    seed: { type: "string", default: "1" },
    json: { type: "string", default: "dist/faults.json" },
    docs: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
if (values.page) {
  keep(readResults(KEPT));
  process.exit(0);
}
const options = { seed: Number(values.seed), kills: Number(values.kills) };
const run = `${machine()} Seed ${options.seed}.`;
const wanted = new RegExp(values.only ?? "");
const found: Results = {};
let broken = 0;
for (const { name, faults } of SECTIONS) {
  for (const fault of faults.filter((it) => wanted.test(`${name}: ${it.name}`))) {
    const outcome = await tryOne(fault, options, run);
    const isKept = outcome.broken === undefined && outcome.late === undefined;
    if (!isKept) broken += 1;
    const said = outcome.broken ?? [outcome.late, outcome.measured].filter(Boolean).join("; ");
    console.log(`${isKept ? "kept  " : "BROKEN"}  ${fault.name}: ${said}`);
    console.log(`          back after ${outcome.recovered ?? "-"} ms, lost ${outcome.lost ?? "-"}`);
    found[fault.name] = outcome;
    writeResults(values.json, found);
  }
}
if (values.docs) keep(values.only === undefined ? found : { ...readResults(KEPT), ...found });
process.exit(broken === 0 ? 0 : 1);
