import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { hardware } from "#test/bench/report.ts";

/** The document that the long trials are written to; each has its place in it. */
const DOCUMENT = "docs/soak.md";

/**
 * Puts a report between the two comments that mark its place, and `pictures` into the form of all files.
 *
 * @throws Error where there is no place
 */
export function replaceReport(mode: string, report: string, ...pictures: string[]): void {
  const text = readFileSync(DOCUMENT, "utf8");
  const start = `<!-- scripts/soak ${mode} -->`;
  const [before, rest] = text.split(start);
  const end = rest?.indexOf("<!-- end -->") ?? -1;
  if (end < 0) throw new Error(`${DOCUMENT} has no place for ${mode}`);
  writeFileSync(DOCUMENT, `${before}${start}\n\n${report}\n${rest!.slice(end)}`);
  execFileSync("deno", ["fmt", "-q", DOCUMENT, ...pictures]);
}

export function writeWithFolder(file: string, text: string): void {
  if (!existsSync(dirname(file))) mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** With columns of even width, as the formatter wants it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((it, i) => it.padEnd(widths[i]!)).join(" | ")} |\n`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("");
}

/** On what it was run, and when, in one sentence. */
export function machine(): string {
  const { cpu, cores, memory, kernel } = hardware();
  const version = execFileSync(process.env["TEREDO_BIN"]!, ["--version"], { encoding: "utf8" });
  const day = new Date().toISOString().slice(0, 16).replace("T", " ");
  const gibibytes = Math.round(memory / 2 ** 30);
  return `${cores} x ${cpu}, ${gibibytes} GiB, Linux ${kernel}. ${version.trim()}. ${day} UTC.`;
}
