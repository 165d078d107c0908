import { openLibc } from "#ffi/open.ts";
import type { Config, Role } from "#src/config/config.ts";
import { loadConfig } from "#src/config/load.ts";
import {
  type CheckResult,
  failures,
  formatCheck,
  type Verdict,
} from "#src/daemon/checks/result.ts";
import { checkSurroundings } from "#src/daemon/checks/client/surroundings.ts";
import { checkFastPath } from "#src/daemon/checks/fast_path.ts";
import { checkFirewall } from "#src/daemon/checks/firewall.ts";
import { checkRole } from "#src/daemon/checks/role.ts";
import { checkSandbox } from "#src/daemon/sandbox/probe.ts";
import { checkStatusPages } from "#src/daemon/checks/status.ts";
import type { Host } from "#src/daemon/host/contract.ts";
import { hostOf, menderOf } from "#src/daemon/host/mod.ts";
import { ConfigError } from "#src/errors.ts";
import type { Context } from "../context.ts";
import { type FlagTexts, overridesOf } from "../daemon_flags.ts";
import { EXIT, UsageError } from "../exit.ts";
import { fix, type Mended } from "../fix.ts";
import { writeJson } from "../json.ts";
import { coloured, type Output } from "../output.ts";
import { findRunning } from "../status/running.ts";
import { clientOverrides, serverOverrides } from "./daemon.ts";

export interface CheckFlags {
  readonly json?: boolean;
  readonly fix?: boolean;
  readonly persist?: boolean;
}

/** Where progress is told. */
interface Report {
  say(line: string): void;
  /** Says what has not been said yet. */
  tell(results: readonly CheckResult[]): void;
}

interface Outcome {
  /** As they are at the end. */
  readonly results: readonly CheckResult[];
  /** Undefined: nothing was to be mended. */
  readonly mended?: readonly Mended[];
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

export function checkClient(
  this: Context,
  flags: FlagTexts & CheckFlags,
  ...servers: readonly string[]
): Promise<void> {
  return check(this, "client", flags, clientOverrides(flags, servers));
}

async function check(
  context: Context,
  role: Role,
  flags: FlagTexts & CheckFlags,
  overrides: Record<string, string>,
): Promise<void> {
  if (flags.persist && !flags.fix) throw new UsageError("--persist goes with --fix");
  const { stdout } = context.process;
  const report = flags.json ? SILENT : reportTo(stdout);
  const { results, mended } = await outcomeOf(role, flags, overrides, report);
  const passed = failures(results).length === 0;
  report.say(summary(results, mended));
  if (flags.json) writeJson(stdout, { role, ok: passed, checks: results, mended });
  context.status = passed ? EXIT.Ok : EXIT.Failed;
}

/** A wrong configuration is the first thing to mend: what it says of the machine is not known. */
async function outcomeOf(
  role: Role,
  flags: FlagTexts & CheckFlags,
  overrides: Record<string, string>,
  report: Report,
): Promise<Outcome> {
  try {
    const { config, notices } = loadConfig(role, { path: flags["config"], overrides });
    const libc = await openLibc();
    const host = hostOf(libc);
    const look = async () => [
      ...checkConfiguration(config, notices),
      ...await checkMachine(host, role, config),
      checkSandbox(libc, config[role].process.sandbox),
    ];
    const results = await look();
    report.tell(results);
    if (!flags.fix) return { results };
    const relay = role === "relay" ? config.relay : undefined;
    const task = { host, mender: menderOf(libc), relay, persist: flags.persist ?? false };
    return await fix(results, { ...task, ...report, look });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const results = error.problems.map((detail): CheckResult => ({
      name: "configuration",
      verdict: "fail",
      detail,
    }));
    report.tell(results);
    return flags.fix ? { results, mended: [] } : { results };
  }
}

function checkConfiguration(config: Config, notices: readonly string[]): CheckResult[] {
  const detail = config.file ?? "defaults and flags";
  return [
    { name: "configuration", verdict: "ok", detail },
    ...notices.map((notice): CheckResult => ({
      name: "configuration",
      verdict: "warn",
      detail: notice,
    })),
  ];
}

async function checkMachine(host: Host, role: Role, config: Config): Promise<CheckResult[]> {
  const found = await findRunning(host, role, config);
  return [
    ...checkRole(host, role, config, found?.running),
    ...checkFirewall(host, role, config),
    ...role === "client"
      ? await checkSurroundings(host, config.client, undefined, found?.running)
      : [checkFastPath(host, role, config)],
    ...await checkStatusPages(role, config.status, found?.answersTcp ?? false),
  ];
}

const SILENT: Report = { say: () => {}, tell: () => {} };

function reportTo(output: Output): Report {
  const told = new Set<string>();
  return {
    say: (line) => output.write(`${line}\n`),
    tell(results) {
      for (const result of results) {
        const line = highlighted(output, result);
        if (!told.has(line)) output.write(`${line}\n`);
        told.add(line);
      }
    },
  };
}

/** `12 checks, 1 failed, 2 mended` */
function summary(results: readonly CheckResult[], mended: readonly Mended[] | undefined): string {
  const warned = results.filter(({ verdict }) => verdict === "warn").length;
  const counts = [
    `${results.length} ${results.length === 1 ? "check" : "checks"}`,
    `${failures(results).length} failed`,
    ...(warned === 0 ? [] : [`${warned} warned`]),
    ...(mended === undefined
      ? []
      : [`${mended.filter(({ problem }) => problem === undefined).length} mended`]),
  ];
  return counts.join(", ");
}

const COLOURS = { ok: 32, note: 32, warn: 33, fail: 31 } as const satisfies Record<Verdict, number>;

function highlighted(output: Output, result: CheckResult): string {
  const line = formatCheck(result);
  return coloured(output, COLOURS[result.verdict], line.slice(0, 4)) + line.slice(4);
}
