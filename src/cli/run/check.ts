import { openLibc } from "#ffi/open.ts";
import type { Role } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import {
  type CheckResult,
  failures,
  formatCheck,
  type Verdict,
} from "#src/daemon/checks/result.ts";
import { checkFirewall } from "#src/daemon/checks/firewall.ts";
import { checkRole } from "#src/daemon/checks/role.ts";
import { checkStatusPages } from "#src/daemon/checks/status.ts";
import { hostOf } from "#src/daemon/host/mod.ts";
import { ConfigError } from "#src/errors.ts";
import type { Context } from "../context.ts";
import { type FlagTexts, overridesOf } from "../daemon_flags.ts";
import { EXIT } from "../exit.ts";
import { writeJson } from "../json.ts";
import { coloured, type Output } from "../output.ts";
import { findRunning } from "../status/running.ts";
import { serverOverrides } from "./daemon.ts";

interface CheckFlags {
  readonly json?: boolean;
}

export function checkRelay(this: Context, flags: FlagTexts & CheckFlags): Promise<void> {
  return check(this, "relay", flags, overridesOf("relay", flags));
}

export function checkServer(
  this: Context,
  flags: FlagTexts & CheckFlags,
  address?: string,
): Promise<void> {
  return check(this, "server", flags, serverOverrides(flags, address));
}

async function check(
  context: Context,
  role: Role,
  flags: FlagTexts & CheckFlags,
  overrides: Record<string, string>,
): Promise<void> {
  const { stdout } = context.process;
  const results = await checkAll(role, flags["config"], overrides);
  const passed = failures(results).length === 0;
  if (flags.json) writeJson(stdout, { role, ok: passed, checks: results });
  else for (const result of results) stdout.write(`${highlighted(stdout, result)}\n`);
  context.status = passed ? EXIT.Ok : EXIT.Failed;
}

/** A wrong configuration is the first thing to mend: what it says of the machine is not known. */
async function checkAll(
  role: Role,
  path: string | undefined,
  overrides: Record<string, string>,
): Promise<CheckResult[]> {
  try {
    const { config, notices } = loadConfig(role, { path, overrides });
    const host = hostOf(await openLibc());
    const detail = config.file ?? "defaults and flags";
    const configuration = [
      { name: "configuration", verdict: "ok" as const, detail },
      ...notices.map((notice) => ({
        name: "configuration",
        verdict: "warn" as const,
        detail: notice,
      })),
    ];
    const found = await findRunning(host, role, config);
    return [
      ...configuration,
      ...checkRole(host, role, config, found?.running),
      ...checkFirewall(host, role, config),
      ...await checkStatusPages(role, config.status, found?.answersTcp ?? false),
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((detail) => ({ name: "configuration", verdict: "fail", detail }));
  }
}

const COLOURS = { ok: 32, note: 32, warn: 33, fail: 31 } as const satisfies Record<Verdict, number>;

function highlighted(output: Output, result: CheckResult): string {
  const line = formatCheck(result);
  return coloured(output, COLOURS[result.verdict], line.slice(0, 4)) + line.slice(4);
}
