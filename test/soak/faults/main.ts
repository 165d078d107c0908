import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Fault, FaultOptions } from "./contract.ts";
import { tablesOf } from "./report.ts";
import { type Outcome, readResults, type Results, writeResults } from "./results.ts";
import { SECTIONS } from "./sections.ts";

const USAGE =
  `usage: scripts/soak faults [--only WORDS] [--kills N] [--seed N] [--json FILE] [--docs]

Brings about each fault of docs/faults.md, in namespaces, and judges what was promised of it: half an
hour, most of it waiting. --only takes a regular expression that a fault's name is to match. --kills is
how often each of four is killed, 334 when it is not said. What was found is added to
dist/faults.json, unless named otherwise; with --docs the tables of docs/faults.md are made of all that
is there, and rows without a result stay. The status is 1 when a promise was broken.
`;
const DOCUMENT = "docs/faults.md";
/** Between these the document is made. */
const MARKS = ["<!-- Made by scripts/soak faults --docs. -->\n", "<!-- End of what is made. -->\n"];

async function tryOne(fault: Fault, options: FaultOptions): Promise<Outcome> {
  try {
    return await fault.run(options);
  } catch (error) {
    return { broken: error instanceof Error ? error.message : String(error) };
  }
}

function writeDocument(results: Results): void {
  const [before, rest] = readFileSync(DOCUMENT, "utf8").split(MARKS[0]!);
  const [made, after] = rest!.split(MARKS[1]!);
  const tables = tablesOf(SECTIONS, results, made!);
  writeFileSync(DOCUMENT, `${before}${MARKS[0]}\n${tables}\n${MARKS[1]}${after}`);
}

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    kills: { type: "string", default: "334" },
    seed: { type: "string", default: "1" },
    json: { type: "string", default: "dist/faults.json" },
    docs: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const options = { seed: Number(values.seed), kills: Number(values.kills) };
const wanted = new RegExp(values.only);
const results = readResults(values.json);
let broken = 0;
for (const { name, faults } of SECTIONS) {
  for (const fault of faults.filter((it) => wanted.test(`${name}: ${it.name}`))) {
    const outcome = await tryOne(fault, options);
    const isKept = outcome.broken === undefined && outcome.late === undefined;
    if (!isKept) broken += 1;
    const said = outcome.broken ?? [outcome.late, outcome.measured].filter(Boolean).join("; ");
    console.log(`${isKept ? "kept  " : "BROKEN"}  ${fault.name}: ${said}`);
    console.log(`          back after ${outcome.recovered ?? "-"} ms, lost ${outcome.lost ?? "-"}`);
    results[fault.name] = outcome;
    writeResults(values.json, results);
  }
}
if (values.docs) writeDocument(results);
process.exit(broken === 0 ? 0 : 1);
