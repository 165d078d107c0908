import { ConfigError, TeredoError } from "#src/errors.ts";
import { ExitCode } from "@stricli/core";
import { NoStatus } from "./status/no_status.ts";

/** Exit statuses of every command. */
export const EXIT = {
  Ok: 0,
  Failed: 1,
  Usage: 2,
  NotRunning: 3,
  NotReady: 4,
  Draining: 5,
  /** EX_CONFIG of sysexits.h. */
  Config: 78,
} as const;

const MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  Ok: "Done. A daemon: ended by a signal, as told. `status`: ready.",
  Failed:
    "Something did not work, or a check failed. `status`: whether the daemon runs is not known.",
  Usage: "The command line is wrong.",
  NotRunning: "The daemon that is asked does not run.",
  NotReady: "`status`: the daemon runs and is not ready, or gives no sign of life.",
  Draining: "`status`: the daemon is about to end, or has been told to drain.",
  Config: "The configuration is wrong; each problem is named with its file and line.",
};

/** Each status and what it means, for the documents. */
export const EXIT_ROWS = (Object.keys(EXIT) as (keyof typeof EXIT)[])
  .map((name) => [EXIT[name], MEANINGS[name]] as const);

/** A command line that the parser took and the command cannot. */
export class UsageError extends TeredoError {
  readonly code = "ERR_USAGE";
}

/** Exit status of an error that ended a command. */
export function statusOf(error: unknown): number {
  if (error instanceof ConfigError) return isOfFlags(error) ? EXIT.Usage : EXIT.Config;
  if (error instanceof NoStatus && error.isNotRunning) return EXIT.NotRunning;
  return error instanceof UsageError ? EXIT.Usage : EXIT.Failed;
}

/** Whether the file is not to blame. */
function isOfFlags({ problems }: ConfigError): boolean {
  return problems.every((problem) => problem.startsWith("--"));
}

/** Stricli's own codes are negative. */
export function statusOfParser(code: number | string | null | undefined): number {
  switch (code) {
    case ExitCode.UnknownCommand:
    case ExitCode.InvalidArgument:
      return EXIT.Usage;
    default:
      return typeof code === "number" && code >= 0 ? code : EXIT.Failed;
  }
}

/** What is said of an error: our own are complete sentences, others keep their kind. */
export function messageOf(error: unknown): string {
  if (error instanceof TeredoError) return error.message;
  if (!(error instanceof Error)) return String(error);
  return error.name === "Error" || error.name === "SyscallError"
    ? error.message
    : `${error.name}: ${error.message}`;
}
