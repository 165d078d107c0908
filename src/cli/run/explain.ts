import { wrap } from "#src/config/sample.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit.ts";
import { explain, type Explanation, nearestExplained } from "../explain.ts";
import { writeJson } from "../json.ts";
import { bold, type Output } from "../output.ts";
import { shown } from "../shared_flags.ts";

export interface ExplainFlags {
  readonly json?: boolean;
}

/** `teredo explain NAME`; the words of a log message need no quotes. */
export default function runExplain(this: Context, flags: ExplainFlags, ...words: string[]): void {
  const { stdout } = this.process;
  const name = words.join(" ");
  const found = explain(name);
  if (found.length === 0) throw new UsageError(unknown(name));
  if (flags.json) writeJson(stdout, { explanations: found });
  else stdout.write(found.map((it) => format(stdout, it)).join("\n"));
}

function unknown(name: string): string {
  const meant = nearestExplained(name);
  const did = meant === undefined ? "" : `; did you mean \`${meant}\`?`;
  return `${shown(name)} is no metric, drop reason, log message or errno${did}`;
}

const WIDTH = 80;
const LABEL = 9;

function format(output: Output, it: Explanation): string {
  const { name, kind, where, meaning, cause, look, mend } = it;
  const rows = kind === "metric"
    ? [["where", where], ["meaning", meaning], ["look at", look ?? "no value is wrong by itself"]]
    : [["where", where], ["meaning", meaning], ["cause", cause], ["mend", mend ?? "none needed"]];
  return `${bold(output, name)}\n${rows.map(([label, text]) => row(label!, text)).join("")}`;
}

function row(label: string, text: string | undefined): string {
  if (text === undefined) return "";
  const lines = wrap(text, WIDTH - LABEL).join(`\n${" ".repeat(LABEL)}`);
  return `${label.padEnd(LABEL)}${lines}\n`;
}
