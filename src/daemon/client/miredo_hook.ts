import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "#src/log/logger.ts";

/** Hooks that Miredo runs unasked. */
export interface MiredoHooks {
  readonly paths: readonly string[];
  /** SHA-256 of those that come with Miredo: what these do, this client does by itself. */
  readonly unchanged: readonly string[];
}

const MIREDO_HOOKS: MiredoHooks = {
  paths: ["/etc/miredo/client-hook", "/usr/local/etc/miredo/client-hook"],
  unchanged: ["fd8d5441df80443a58ae0b9afbd4b62988a729aae6dfff353ea3cdcfa60774f2"], // Debian, 1.2.6
};

/** Hooks of Miredo's that somebody has changed, for he may miss what they did. */
export function changedHooks({ paths, unchanged }: MiredoHooks = MIREDO_HOOKS): string[] {
  return paths.filter((path) => {
    try {
      return !unchanged.includes(createHash("sha256").update(readFileSync(path)).digest("hex"));
    } catch {
      return false; // there is none, or it is not ours to read
    }
  });
}

/** @param hook the one that is to be run */
export function tellMiredosHook(log: Logger, hook: string | undefined): void {
  if (hook !== undefined) return;
  for (const path of changedHooks()) {
    log.warn("Miredo's hook not run", { path, mend: `\`hook = ${path}\`` });
  }
}
