import { accessSync, constants } from "node:fs";
import { changedHooks, type MiredoHooks } from "../../client/miredo_hook.ts";
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

/** @param hook the one that is run */
export function checkMiredoHook(hook: string | undefined, hooks?: MiredoHooks): CheckResult[] {
  if (hook !== undefined) return [];
  return changedHooks(hooks).map((path) =>
    warn(
      "hook",
      `${path}, which Miredo runs and somebody has changed, is not run: addresses and routes are set up ` +
        "without it",
      `where what it does is still wanted, write hook = ${path} in [client]`,
    )
  );
}
