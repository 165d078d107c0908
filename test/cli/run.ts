import { spawn, spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** Command lines for the runtime that this test itself runs on. */
const DENO = "Deno" in globalThis;

export const runArguments = {
  /** Source files of the program. */
  file: (path: string, ...args: string[]) =>
    DENO ? ["run", "-A", "--no-check", "--quiet", path, ...args] : [path, ...args],
  /** A script given as text; it may use the import aliases. */
  evaluate: (script: string) => DENO ? ["eval", "--quiet", script] : ["-e", script],
};

export interface Done {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program to test: the binary that `TEREDO_BIN` names, or the source on this runtime. */
export function command(args: readonly string[]): [string, string[]] {
  const binary = process.env["TEREDO_BIN"];
  if (binary !== undefined && binary !== "") return [binary, [...args]];
  return [process.execPath, runArguments.file(resolve("src/main.ts"), ...args)];
}

const QUIET = { NO_COLOR: "1", JOURNAL_STREAM: "", NOTIFY_SOCKET: "" };

/** @param input what the program reads on standard input; default: nothing */
export function teredo(
  args: readonly string[],
  env: Record<string, string> = {},
  input: string | Uint8Array = "",
): Done {
  const [path, argv] = command(args);
  const done = spawnSync(path, argv, {
    encoding: "utf8",
    input,
    env: { ...process.env, ...QUIET, ...env },
    timeout: 600_000,
  });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

/** Starts the program without waiting for its end. */
export function start(args: readonly string[], env: Record<string, string> = {}) {
  const [path, argv] = command(args);
  return spawn(path, argv, {
    env: { ...process.env, ...QUIET, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
