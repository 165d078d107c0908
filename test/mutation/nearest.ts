/** Which tests run which line, and how long each takes: the nearest are those of the same folder. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import type { Limits, Sandbox } from "./sandbox.ts";

/** Of a test file: what it costs, and the lines that it runs, by source file. */
interface Reach {
  readonly seconds: number;
  readonly lines: Readonly<Record<string, readonly number[]>>;
}

const PATIENCE: Limits = { processorSeconds: 120, seconds: 300 };
const COVERAGE = "dist/coverage";

export class Nearest {
  readonly #all = new Map<string, Reach>();

  /**
   * @param file keeps what was found out, until the test changes: where a source has changed since, its
   *   lines tell an order that is a little worse
   */
  constructor(sandbox: Sandbox, tests: readonly string[], file: string) {
    const kept: Record<string, Reach> = existsSync(file)
      ? JSON.parse(readFileSync(file, "utf8"))
      : {};
    const fresh: Record<string, Reach> = {};
    for (const test of tests) {
      const key = hash(test);
      const reach = kept[key] ?? reachOf(sandbox, test);
      if (reach === undefined) continue;
      fresh[key] = reach;
      this.#all.set(test, reach);
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(fresh));
  }

  /**
   * The tests that run a file: first those that run the line, of them the nearest. The others too, as
   * the coverage that Bun tells lacks a line here and there.
   */
  of(path: string, line: number): { readonly test: string; readonly seconds: number }[] {
    return [...this.#all].filter(([, { lines }]) => (lines[path]?.length ?? 0) > 0)
      .map(([test, { seconds, lines }]) => {
        const near = sharedFolders(path, test) + (lines[path]!.includes(line) ? 100 : 0);
        return { test, seconds, near };
      })
      .sort((a, b) => b.near - a.near || a.seconds - b.seconds);
  }
}

/** One that fails in the sandbox, with nothing changed, can tell nothing. */
function reachOf(sandbox: Sandbox, test: string): Reach | undefined {
  const options = ["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${COVERAGE}`];
  const start = performance.now();
  if (sandbox.test([test], PATIENCE, options).outcome !== "passed") return undefined;
  const seconds = (performance.now() - start) / 1_000;
  return { seconds, lines: linesRun(sandbox.read(`${COVERAGE}/lcov.info`)) };
}

/** The lines of each source file that a report in lcov's form says were run. */
function linesRun(lcov: string): Record<string, number[]> {
  const files: Record<string, number[]> = {};
  let lines: number[] = [];
  for (const entry of lcov.split("\n")) {
    if (entry.startsWith("SF:")) {
      lines = [];
      if (entry.startsWith("SF:src/")) files[entry.slice(3)] = lines;
    }
    const [, line, count] = /^DA:(\d+),(\d+)/.exec(entry) ?? [];
    if (line !== undefined && count !== "0") lines.push(Number(line));
  }
  return files;
}

const hash = (file: string) =>
  createHash("sha256").update(file).update(readFileSync(file)).digest("hex");

/** How many folders two paths have in common, below `src` and `test`. */
function sharedFolders(source: string, test: string): number {
  const [a, b] = [source, test].map((path) => path.split("/").slice(1));
  const differs = a!.findIndex((name, i) => name !== b![i]?.replace("_test", ""));
  return differs < 0 ? a!.length : differs;
}
