import { ConfigError, TeredoError } from "#src/errors.ts";
import { ExitCode } from "@stricli/core";

/** Exit statuses of every command. */
export const EXIT = {
  Ok: 0,
  /** Something did not work at run time, or a check failed. */
  Failed: 1,
  /** The command line is wrong. */
  Usage: 2,
  /** The configuration is wrong: EX_CONFIG of sysexits.h. */
  Config: 78,
} as const;

/** A command line that the parser took and the command cannot. */
export class UsageError extends TeredoError {
  readonly code = "ERR_USAGE";
}

/** Exit status of an error that ended a command. */
export function statusOf(error: unknown): number {
  if (error instanceof ConfigError) return isOfFlags(error) ? EXIT.Usage : EXIT.Config;
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
