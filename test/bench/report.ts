import { cpus, release, totalmem } from "node:os";
import {
  brief,
  median,
  type Ours,
  ratioOf,
  type Row,
  textOf,
  valuesOf,
  verdictOf,
  type Who,
} from "./results.ts";

/** What the numbers were measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: number;
  readonly kernel: string;
  readonly teredo: string;
  readonly miredo: string;
  readonly runtime: string;
  readonly rounds: number;
  readonly started: string;
  readonly minutes: number;
}

export function hardware(): Pick<Machine, "cpu" | "cores" | "memory" | "kernel"> {
  return {
    cpu: cpus()[0]!.model,
    cores: cpus().length,
    memory: totalmem(),
    kernel: release(),
  };
}

const PARTS: Record<string, string> = {
  a: "(a) TCP through the relay",
  b: "(b) Packets a second, of more offered than any carries",
  c: "(c) The relay's processor time; packets of 88 bytes at 50,000 a second",
  d: "(d) Round trips",
  e: "(e) Server",
  f: "(f) With a million peers",
  g: "(g) Start and size",
  h: "(h) Scattered packets of 88 bytes, and the fast path",
  i: "(i) Client",
};

/** The whole report as Markdown. */
export function markdown(machine: Machine, rows: readonly Row[]): string {
  const parts = [...new Set(rows.map((row) => row.part))].sort();
  return [header(machine), ...parts.map((part) => table(part, rows))].join("\n\n") + "\n";
}

function header(machine: Machine): string {
  const { cpu, cores, memory, kernel, teredo, miredo, runtime, rounds, started, minutes } = machine;
  return `${cores} x ${cpu}, ${
    Math.round(memory / 2 ** 30)
  } GiB, Linux ${kernel}. teredo ${teredo}, ` +
    `${miredo}, load by ${runtime}. ${started}, ${rounds} round${rounds === 1 ? "" : "s"} in ` +
    `${
      minutes.toFixed(1)
    } minutes. Medians [lowest-highest]; a ratio is taken within each round, ` +
    `then its median.`;
}

/** Columns after the row's name; a table has those that one of its rows has something for. */
const COLUMNS: readonly (readonly [heading: string, cell: (row: Row) => string])[] = [
  [
    "frames",
    ({ wireLike }) => wireLike === undefined ? "" : wireLike ? "real size" : "super-packets",
  ],
  ["unit", ({ unit }) => unit],
  ["Miredo", (row) => valueText(row, "miredo")],
  ["teredo", (row) => valueText(row, "teredo")],
  ["fast path", (row) => valueText(row, "fast")],
  ["kernel", (row) => valueText(row, "kernel")],
  ["to Miredo", (row) => ratioText(row, "miredo")],
  ["to kernel", (row) => ratioText(row, "kernel")],
  ["fast path to Miredo", (row) => ratioText(row, "miredo", "fast")],
  ["fast path to teredo", (row) => ratioText(row, "teredo", "fast")],
  ["fast path to kernel", (row) => ratioText(row, "kernel", "fast")],
  ["target", targetText],
];

function table(part: string, all: readonly Row[]): string {
  const rows = all.filter((row) => row.part === part);
  const columns = COLUMNS.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `### ${PARTS[part] ?? part}`,
    "",
    line(["", ...columns.map(([heading]) => heading)]),
    line(["---", ...columns.map(() => "---")]),
    ...rows.map((row) => line([row.name, ...columns.map(([, cell]) => cell(row))])),
  ].join("\n");
}

function valueText(row: Row, who: Who): string {
  const series = row.series[who];
  if (series === undefined) return "";
  const values = valuesOf(row, who);
  if (values === undefined) return "failed";
  const mark = series.limited > 0 ? "+" : "";
  if (values.length === 1) return brief(values[0]!) + mark;
  return `${brief(median(values))}${mark} [${brief(Math.min(...values))}-` +
    `${brief(Math.max(...values))}]`;
}

function ratioText(row: Row, than: Who, ours?: Ours): string {
  const ratio = ratioOf(row, than, ours);
  return ratio === undefined ? "" : `${ratio.toFixed(2)}`;
}

function targetText(row: Row): string {
  const verdict = verdictOf(row);
  if (verdict === undefined) return "";
  const sign = row.better === "more" ? "≥" : "≤";
  const wanted = (row.targets ?? []).map(({ ours, than, ratio }) =>
    `${ours === "fast" ? "fast path " : ""}${sign} ${ratio} x${than === "miredo" ? "" : ` ${than}`}`
  );
  if (row.most !== undefined) wanted.push(`≤ ${row.most} ${row.unit}`);
  if (row.least !== undefined) wanted.push(`≥ ${row.least} ${row.unit}`);
  return `${wanted.join(", ")}: ${verdict === "met" ? verdict : `**${verdict}**`}`;
}

/** One line for a chart. */
export function caption({ cpu, cores, kernel, started, rounds }: Machine): string {
  const day = started.slice(0, 10);
  return `${cores} x ${cpu}, Linux ${kernel}, ${day}; medians of ${rounds} round${
    rounds === 1 ? "" : "s"
  }`;
}

/** Rounds in which makers failed, for the end of the report; empty when none did. */
export function failures(rows: readonly Row[]): string {
  return rows.flatMap((row) =>
    Object.entries(row.series).filter(([, { failure }]) => failure !== undefined)
      .map(([who, { values, failure }]) => {
        const times = `${values.filter((value) => value === null).length} of ${values.length}`;
        return `- (${row.part}) ${textOf(row)}: ${who}, ${times} rounds: ${failure}`;
      })
  ).join("\n");
}
