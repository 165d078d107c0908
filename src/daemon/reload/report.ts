import type { Change } from "#src/config/diff.ts";

/** What came of a reload that was asked for. */
export interface Report {
  readonly ok: boolean;
  /** Whether it was only tried. */
  readonly dryRun: boolean;
  readonly file: string | undefined;
  readonly changes: readonly Change[];
  /** What works, but is not what its writer may think. */
  readonly notices: readonly string[];
  /** Why it was refused, one line each; then nothing has changed. */
  readonly problems: readonly string[];
  /** Whether the file is to blame. */
  readonly isConfig: boolean;
  readonly confirmBy: Date | undefined;
}

/** `POST /reload`, `POST /reload/confirm` */
export interface ReportDocument {
  readonly version: 1;
  readonly ok: boolean;
  readonly dry_run: boolean;
  readonly file?: string;
  readonly changes: readonly ChangeDocument[];
  readonly notices: readonly string[];
  readonly problems: readonly string[];
  readonly confirm_by?: string;
}

export interface ChangeDocument {
  readonly key: string;
  /** Null: not set. */
  readonly from: string | null;
  readonly to: string | null;
  /** True: the daemon goes on with `from` until then. */
  readonly needs_restart: boolean;
}

export function reportDocument(report: Report): ReportDocument {
  const { file, confirmBy } = report;
  return {
    version: 1,
    ok: report.ok,
    dry_run: report.dryRun,
    ...(file === undefined ? {} : { file }),
    changes: report.changes.map(({ id, from, to, reload }) => ({
      key: id,
      from: from ?? null,
      to: to ?? null,
      needs_restart: reload === "restart",
    })),
    notices: report.notices,
    problems: report.problems,
    ...(confirmBy === undefined ? {} : { confirm_by: confirmBy.toISOString() }),
  };
}

/** Status of HTTP: 422 when the file is to blame, 409 when it is not. */
export function statusOf({ ok, isConfig }: Report): 200 | 409 | 422 {
  if (ok) return 200;
  return isConfig ? 422 : 409;
}
