import { TeredoError } from "#src/errors.ts";
import { type CheckResult, formatCheck } from "./result.ts";

/** This machine does not pass the checks. Exit status 1; the message is what `teredo check` says. */
export class ChecksFailed extends TeredoError {
  readonly code = "ERR_CHECKS";
  readonly failed: readonly CheckResult[];

  constructor(failed: readonly CheckResult[]) {
    super(failed.map(formatCheck).join("\n"));
    this.failed = failed;
  }
}
