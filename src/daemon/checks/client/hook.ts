import { accessSync, constants, statSync } from "node:fs";
import { strangerAt } from "#src/ownership.ts";
import { changedHooks, type MiredoHooks } from "../../client/miredo_hook.ts";
import { type CheckResult, fail, ok, warn } from "../result.ts";

export function checkHook(hook: string | undefined): CheckResult[] {
  if (hook === undefined) return [];
  try {
    const stat = statSync(hook);
    if (!stat.isFile()) return [fail("hook", `${hook} is no file`, "name the program itself")];
    accessSync(hook, constants.X_OK);
    const stranger = strangerAt(hook, stat);
    if (stranger === undefined) return [ok("hook", hook)];
    return [
      fail(
        "hook",
        `${hook}: ${stranger}, who could have it do whatever this user may`,
        "chown it, and the folders it is in, to root, and take the right to write from others",
      ),
    ];
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
