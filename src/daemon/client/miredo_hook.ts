import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "#src/log/logger.ts";

/** Where Miredo has its hook, which it runs unasked. */
const PATHS = ["/etc/miredo/client-hook", "/usr/local/etc/miredo/client-hook"];

/** SHA-256 of hooks as they come with Miredo: what these do, this client does by itself. */
const UNCHANGED: readonly string[] = [
  "fd8d5441df80443a58ae0b9afbd4b62988a729aae6dfff353ea3cdcfa60774f2", // Debian, 1.2.6
];

/**
 * Tells of a hook of Miredo's that somebody has changed, for he may miss what it did.
 *
 * @param hook the one that is to be run
 */
export function tellMiredosHook(log: Logger, hook: string | undefined, paths = PATHS): void {
  if (hook !== undefined) return;
  for (const path of paths) {
    if (isChanged(path)) {
      log.warn("Miredo's hook not run", { path, mend: `\`hook = ${path}\`` });
    }
  }
}

function isChanged(path: string): boolean {
  try {
    const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
    return !UNCHANGED.includes(hash);
  } catch {
    return false; // there is none, or it is not ours to read
  }
}
