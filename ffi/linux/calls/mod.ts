import process from "node:process";
import { ARM64 } from "./arm64.ts";
import type { Numbered } from "./numbered.ts";
import { X64 } from "./x64.ts";

const TABLES: Readonly<Record<string, Numbered>> = { x64: X64, arm64: ARM64 };

/** The system calls of one processor, as far as they had been thought of when this was written. */
export interface Calls {
  /** undefined: this processor has no such call. */
  numberOf(name: string): number | undefined;
  /** undefined: nobody has thought of it yet. */
  nameOf(number: number): string | undefined;
  /** The first number that is beyond all names. */
  readonly end: number;
}

const made = new Map<string, Calls>();

/** @param architecture as `process.arch` names it */
export function callsOf(architecture: string = process.arch): Calls {
  const known = made.get(architecture) ?? makeCalls(architecture);
  made.set(architecture, known);
  return known;
}

function makeCalls(architecture: string): Calls {
  const runs = TABLES[architecture] ?? [];
  const rows = runs.flatMap(([first, names]) =>
    names.trim().split(/\s+/).map((name, i) => [first + i, name] as const)
  ).filter(([, name]) => name !== "-");
  const numbers = new Map(rows.map(([number, name]) => [name, number]));
  const names = new Map(rows);
  return {
    numberOf: (name) => numbers.get(name),
    nameOf: (number) => names.get(number),
    end: Math.max(-1, ...names.keys()) + 1,
  };
}
