/**
 * Outcome of one check. `note`: it could not be looked at, which keeps nothing from working; `warn`:
 * it works, but somebody should know.
 */
export type Verdict = "ok" | "note" | "warn" | "fail";

export interface CheckResult {
  /** Stable, for programs. */
  readonly name: string;
  readonly verdict: Verdict;
  /** One sentence for people, without full stop. */
  readonly detail: string;
  /** The command (or step) that mends it. */
  readonly mend?: string;
}

/** The outcome of a check that has its name from whoever asks. */
export type Finding = Omit<CheckResult, "name">;

export const ok = (name: string, detail: string): CheckResult => ({ name, verdict: "ok", detail });

export const note = (name: string, detail: string): CheckResult => ({
  name,
  verdict: "note",
  detail,
});

export const warn = (name: string, detail: string, mend: string): CheckResult => ({
  name,
  verdict: "warn",
  detail,
  mend,
});

export const fail = (name: string, detail: string, mend: string): CheckResult => ({
  name,
  verdict: "fail",
  detail,
  mend,
});

const LABELS: Readonly<Record<Verdict, string>> = {
  ok: "ok  ",
  note: "note",
  warn: "warn",
  fail: "FAIL",
};

/** `FAIL name: detail; mend: command`. The daemons refuse to start with the same line. */
export function formatCheck(result: CheckResult): string {
  const mend = result.mend === undefined ? "" : `; mend: ${result.mend}`;
  return `${LABELS[result.verdict]} ${result.name}: ${result.detail}${mend}`;
}

export function failures(results: readonly CheckResult[]): CheckResult[] {
  return results.filter((result) => result.verdict === "fail");
}
