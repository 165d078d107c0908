import type { Millis } from "#src/protocol/time.ts";
import { table } from "../report.ts";
import type { Fault, Section } from "./contract.ts";
import type { Outcome, Results } from "./results.ts";
import { several } from "./words.ts";

const HEAD = ["fault", "promised", "measured", "back after", "lost", "run"];
/** Of the document, between which it is made. */
const MARKS = ["<!-- Made by scripts/soak faults --docs. -->\n", "<!-- End of what is made. -->\n"];

/** The document with what is made of results in it, which is all that stands there then. */
export function pageOf(before: string, sections: readonly Section[], results: Results): string {
  const [[intro, rest = ""], [start, end]] = [before.split(MARKS[0]!), MARKS as [string, string]];
  const after = rest.split(end)[1] ?? "";
  const made = [runsOf(sections, results), ...tablesOf(sections, results)].join("\n");
  return `${intro}${start}\n${made}\n${end}${after}`;
}

/** Each run with the letter that its rows have, in the order of the rows. */
function lettersOf(sections: readonly Section[], results: Results): ReadonlyMap<string, string> {
  const runs = sections.flatMap(({ faults }) =>
    faults.flatMap(({ name }) => results[name]?.run ?? [])
  );
  return new Map([...new Set(runs)].map((run, i) => [run, letter(i)]));
}

/** A to Z, then A1 to Z1. */
const letter = (i: number) => String.fromCharCode(65 + i % 26) + (i < 26 ? "" : Math.floor(i / 26));

function runsOf(sections: readonly Section[], results: Results): string {
  const names = sections.flatMap(({ faults }) => faults.map(({ name }) => name));
  const rows = [...lettersOf(sections, results)].map(([run, letter]) => {
    const its = names.filter((name) => results[name]?.run === run).length;
    return [letter, its, run];
  });
  const none = names.filter((name) => results[name] === undefined).length;
  const left = none === 0 ? "" : `\nNot run: ${several(none, "row")}.\n`;
  const cells = rows.map((row) => row.map((it) => cell(`${it}`)));
  return `## Runs\n\n${table(["run", "rows", "made with, on and at"], cells)}${left}`;
}

/** One table for each section. */
function tablesOf(sections: readonly Section[], results: Results): string[] {
  const letters = lettersOf(sections, results);
  return sections.map(({ name, faults }) => {
    const rows = faults.map((fault) => rowOf(fault, results[fault.name], letters));
    return `## ${name}\n\n${table(HEAD, rows)}`;
  });
}

function rowOf(
  { name, promised }: Fault,
  outcome: Outcome | undefined,
  letters: ReadonlyMap<string, string>,
): string[] {
  const { broken, measured, late, recovered, lost, run } = outcome ??
    { measured: "not run", run: "" };
  const found = broken === undefined ? measured : `BROKEN: ${broken}`;
  const seen = late === undefined ? found : `LATE: ${late}; ${found}`;
  const cells = [name, promised, seen, duration(recovered), lost, letters.get(run)];
  return cells.map((it) => cell(it ?? "-"));
}

function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|");
}

function duration(time: Millis | undefined): string | undefined {
  if (time === undefined) return undefined;
  if (time === 0) return "at once";
  return time < 1000 ? `${Math.round(time)} ms` : `${(time / 1000).toFixed(1)} s`;
}
