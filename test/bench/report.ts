import { cpus, release, totalmem } from "node:os";
import {
  brief,
  median,
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

function table(part: string, rows: readonly Row[]): string {
  const lines = rows.filter((row) => row.part === part).map((row) => {
    const cells = [
      row.name,
      row.wireLike === undefined ? "" : row.wireLike ? "real size" : "super-packets",
      row.unit,
      valueText(row, "miredo"),
      valueText(row, "teredo"),
      valueText(row, "kernel"),
      ratioText(row, "miredo"),
      ratioText(row, "kernel"),
      targetText(row),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `### ${PARTS[part] ?? part}`,
    "",
    "|  | frames | unit | Miredo | teredo | kernel | to Miredo | to kernel | target |",
    "|---|---|---|---|---|---|---|---|---|",
    ...lines,
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

function ratioText(row: Row, than: Who): string {
  const ratio = ratioOf(row, than);
  return ratio === undefined ? "" : `${ratio.toFixed(2)}`;
}

function targetText(row: Row): string {
  const verdict = verdictOf(row);
  if (verdict === undefined) return "";
  const sign = row.better === "more" ? "≥" : "≤";
  const wanted = (row.targets ?? []).map(({ than, ratio }) =>
    `${sign} ${ratio} x${than === "kernel" ? " kernel" : ""}`
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
