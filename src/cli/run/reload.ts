import type { Role } from "#src/config/config.ts";
import type { ChangeDocument, ReportDocument } from "#src/daemon/reload/report.ts";
import type { Context } from "../context.ts";
import { askControl, type Reply } from "../control/ask.ts";
import { EXIT, UsageError } from "../exit.ts";

export interface ReloadFlags {
  readonly config?: string;
  readonly json?: boolean;
  readonly "dry-run"?: boolean;
  /** Milliseconds. */
  readonly "confirm-within"?: number;
  readonly confirm?: boolean;
}

const OK = 200;
/** The file is to blame. */
const UNPROCESSABLE = 422;

/** `teredo reload [ROLE]`: that daemon, or every one that runs. */
export default async function runReload(
  this: Context,
  flags: ReloadFlags,
  role?: Role,
): Promise<void> {
  const path = pathOf(flags);
  const replies = await askControl({ role, config: flags.config }, { method: "POST", path });
  const statuses = replies.map((reply) => show(this, flags, reply));
  this.status = statuses.find((it) => it !== EXIT.Ok) ?? EXIT.Ok;
}

/** @throws UsageError for flags that exclude each other */
function pathOf(flags: ReloadFlags): string {
  const { "dry-run": dryRun, "confirm-within": within, confirm } = flags;
  if ([dryRun, within !== undefined, confirm].filter(Boolean).length > 1) {
    throw new UsageError("give one of --dry-run, --confirm-within and --confirm");
  }
  if (confirm) return "/reload/confirm";
  if (dryRun) return "/reload?dry_run=1";
  return within === undefined ? "/reload" : `/reload?confirm_within_ms=${within}`;
}

/** @returns the exit status */
function show({ process }: Context, { json, confirm }: ReloadFlags, reply: Reply): number {
  const { stdout, stderr } = process;
  const { role, status } = reply;
  if (json) stdout.write(`${JSON.stringify({ role, ...reply.document })}\n`);
  if (!("changes" in reply.document)) {
    if (!json) stderr.write(`teredo: the ${role} says: ${String(reply.document["error"])}\n`);
    return EXIT.Failed;
  }
  const report = reply.document as unknown as ReportDocument;
  if (!json) {
    for (const notice of report.notices) stderr.write(`notice: ${notice}\n`);
    for (const problem of report.problems) stderr.write(`teredo: ${problem}\n`);
    if (report.ok) stdout.write(linesOf(role, report, confirm ?? false));
  }
  if (status === OK) return EXIT.Ok;
  return status === UNPROCESSABLE ? EXIT.Config : EXIT.Failed;
}

function linesOf(role: Role, report: ReportDocument, confirmed: boolean): string {
  const taken = report.changes.filter((it) => !it.needs_restart).length;
  const lines = [
    ...report.changes.map(lineOf),
    `${role}: ${outcome(report, taken, confirmed)}`,
    ...(report.confirm_by === undefined
      ? []
      : [`${role}: goes back at ${report.confirm_by} without teredo reload --confirm`]),
  ];
  return `${lines.join("\n")}\n`;
}

function lineOf({ key, from, to, needs_restart }: ChangeDocument): string {
  const note = needs_restart ? "  (needs a restart)" : "";
  return `  ${key}: ${from ?? "not set"} -> ${to ?? "not set"}${note}`;
}

function outcome(report: ReportDocument, taken: number, confirmed: boolean): string {
  if (confirmed) return "confirmed";
  const settings = taken === 1 ? "1 setting" : `${taken} settings`;
  if (report.dry_run) return `would change ${taken === 0 ? "nothing" : settings}`;
  return taken === 0 ? "reloaded, nothing changed" : `reloaded, ${settings} changed`;
}
