import process from "node:process";
import { PREFERRED } from "#test/load/load_lab.ts";

/** The command that runs a program of this folder's with a plan, before others on a shared machine. */
export function nodeCommand(file: string, plan: unknown, pin: readonly string[] = []): string[] {
  return [...PREFERRED, ...pin, process.execPath, file, JSON.stringify(plan)];
}
