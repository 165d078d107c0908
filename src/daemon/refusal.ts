import { partsOf } from "#src/config/problems.ts";
import { ConfigError, StartError } from "#src/errors.ts";
import type { Logger } from "#src/log/logger.ts";
import { ChecksFailed } from "./checks/failed.ts";

/** Tells programs why a daemon does not start, or why it ended: one line for each reason. */
export function logRefusal(log: Logger, error: unknown): void {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) log.error("Configuration refused", partsOf(problem));
  } else if (error instanceof ChecksFailed) {
    for (const { name, detail, mend } of error.failed) {
      log.error("Check failed", { check: name, detail, mend });
    }
  } else if (error instanceof StartError) {
    log.error("Failed to start", { error: error.problem, mend: error.mend });
  } else {
    log.error("Failed to start", { error: error instanceof Error ? error.message : String(error) });
  }
}
