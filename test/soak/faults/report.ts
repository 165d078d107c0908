import type { Millis } from "#src/protocol/time.ts";
import type { Fault, Section } from "./contract.ts";
import type { Outcome, Results } from "./results.ts";

const HEAD =
  "| fault | promised | measured | back after | lost |\n| --- | --- | --- | --- | --- |\n";

/** One table for each section. @param before what was made of earlier runs: its rows stay that have no result */
export function tablesOf(sections: readonly Section[], results: Results, before: string): string {
  const known = before.split("\n");
  return sections.map(({ name, faults }) => {
    const rows = faults.map((fault) =>
      results[fault.name] === undefined
        ? known.find((line) => line.startsWith(`| ${cell(fault.name)} `)) ?? rowOf(fault, undefined)
        : rowOf(fault, results[fault.name])
    );
    return `## ${name}\n\n${HEAD}${rows.join("\n")}\n`;
  }).join("\n");
}

function rowOf({ name, promised }: Fault, outcome: Outcome | undefined): string {
  const { broken, measured, late, recovered, lost } = outcome ?? { measured: "not run" };
  const found = broken === undefined ? measured : `BROKEN: ${broken}`;
  const seen = late === undefined ? found : `LATE: ${late}; ${found}`;
  const cells = [name, promised, seen, duration(recovered), lost];
  return `| ${cells.map((it) => cell(it ?? "-")).join(" | ")} |`;
}

function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|");
}

function duration(time: Millis | undefined): string | undefined {
  if (time === undefined) return undefined;
  if (time === 0) return "at once";
  return time < 1000 ? `${Math.round(time)} ms` : `${(time / 1000).toFixed(1)} s`;
}
