import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync } from "node:fs";
import { type CheckResult, fail, ok, warn } from "../result.ts";

export function checkHook(hook: string | undefined): CheckResult[] {
  if (hook === undefined) return [];
  try {
    accessSync(hook, constants.X_OK);
    return [ok("hook", hook)];
  } catch {
    return [fail("hook", `${hook} is no program that can be run`, `chmod 755 ${hook}`)];
  }
}

/** Which Miredo's client runs unasked, and its checksum as Miredo 1.2.6 installs it. */
const MIREDO_HOOK = { path: "/etc/miredo/client-hook", md5: "3c1899a9cf7e0766f76bc536b66da4e8" };

/** What somebody has put into it he may miss. @param hook the one that is run */
export function checkMiredoHook(
  hook: string | undefined,
  { path, md5 } = MIREDO_HOOK,
): CheckResult[] {
  if (hook !== undefined || !isChanged(path, md5)) return [];
  return [
    warn(
      "hook",
      `${path}, which Miredo runs and somebody has changed, is not run: addresses and routes are set up ` +
        "without it",
      `where what it does is still wanted, write hook = ${path} in [client]`,
    ),
  ];
}

function isChanged(path: string, md5: string): boolean {
  try {
    return createHash("md5").update(readFileSync(path)).digest("hex") !== md5;
  } catch {
    return false; // there is none, or it is not ours to read
  }
}
