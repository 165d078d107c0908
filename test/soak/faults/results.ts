import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Found } from "./contract.ts";

/** What came of one fault: what was found, or how the promise was broken. */
export interface Outcome extends Partial<Found> {
  readonly broken?: string;
  /** By what, when and where it was found, in one sentence. */
  readonly run: string;
}

/** By the names of the faults; a run of some of them leaves the others as they were. */
export type Results = Record<string, Outcome>;

/** What docs/faults.md is made of. */
export const KEPT = "test/soak/faults/results.json";

export function readResults(path: string): Results {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}

export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(results, null, 2) + "\n");
}
