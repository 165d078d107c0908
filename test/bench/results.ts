/**
 * Whose number it is. `teredo` is ours without the fast path, `fast` ours with it; `kernel` forwards
 * the same packets without a tunnel.
 */
export type Who = "miredo" | "teredo" | "fast" | "kernel";
export type Ours = "teredo" | "fast";
export const OURS: readonly Ours[] = ["teredo", "fast"];

/** What a row must reach, as the ratio of ours to that of `than`. */
export interface Target {
  /** Default `teredo`. */
  readonly ours?: Ours;
  readonly than: Exclude<Who, "fast">;
  /** For a row of which more is better the least ratio, else the greatest. */
  readonly ratio: number;
}

/** The fast path is for other packets: these must not suffer by it, but for 3 %. */
export const NO_WORSE: Target = { ours: "fast", than: "teredo", ratio: 0.97 };

export interface RowSpec {
  /** Letter of the case, as docs/performance.md has them. */
  readonly part: string;
  readonly name: string;
  readonly unit: string;
  readonly better: "more" | "less";
  readonly targets?: readonly Target[];
  /** What none of ours may exceed, or fall short of, in the row's unit. */
  readonly most?: number;
  readonly least?: number;
  /** Frames of real size on every link (true), super-packets (false); nothing where no matter. */
  readonly wireLike?: boolean;
}

export interface Measured {
  readonly value: number;
  /** Whether the load was what ended it: whoever was measured could do more. */
  readonly limited: boolean;
}

/** What one maker did in a row. */
export interface Series {
  /** By round; null where it failed. */
  readonly values: (number | null)[];
  /** Why it failed the first time. */
  failure?: string;
  /** Rounds in which the load was the limit. */
  limited: number;
}

export interface Row extends RowSpec {
  readonly series: Partial<Record<Who, Series>>;
}

/** Rows in the order they were first measured. */
export class Results {
  readonly rows: Row[] = [];

  /** Measures a value of a row; a failure is kept instead of it. */
  async measure(
    spec: RowSpec,
    who: Who,
    measure: () => Promise<number | Measured>,
  ): Promise<void> {
    const row = this.#row(spec);
    const series = row.series[who] ??= { values: [], limited: 0 };
    const what = `  ${row.part} ${textOf(row)}: ${who}`;
    try {
      const got = await measure();
      const { value, limited } = typeof got === "number" ? { value: got, limited: false } : got;
      if (!(value > 0 && Number.isFinite(value))) throw new Error(`measured ${value}`);
      series.values.push(value);
      if (limited) series.limited++;
      console.error(
        `${what} ${brief(value)} ${row.unit}${limited ? ", all that was offered" : ""}`,
      );
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const why = text.replace(/\s+/g, " ").trim().slice(0, 300);
      series.values.push(null);
      series.failure ??= why;
      console.error(`${what} FAILED: ${why}`);
    }
  }

  /** Several rows of one measurement. */
  async measureAll(
    specs: readonly RowSpec[],
    who: Who,
    measure: () => Promise<readonly number[]>,
  ): Promise<void> {
    const all = measure();
    all.catch(() => {}); // each row awaits it
    for (const [i, spec] of specs.entries()) {
      await this.measure(spec, who, async () => (await all)[i]!);
    }
  }

  /** A number that is there already. */
  add(spec: RowSpec, who: Who, value: number): Promise<void> {
    return this.measure(spec, who, () => Promise.resolve(value));
  }

  /** Measures rows; what goes wrong outside of them ends this, and not what comes after it. */
  async attempt(
    part: string,
    name: string,
    measure: () => Promise<void> | undefined,
  ): Promise<void> {
    try {
      await measure();
    } catch (error) {
      const spec = { part, name, unit: "", better: "more" } as const;
      await this.measure(spec, "teredo", () => Promise.reject(error));
    }
  }

  #row(spec: RowSpec): Row {
    const { part, name, wireLike } = spec;
    const known = this.rows.find((row) =>
      row.part === part && row.name === name && row.wireLike === wireLike
    );
    if (known !== undefined) return known;
    const row: Row = { ...spec, series: {} };
    this.rows.push(row);
    return row;
  }
}

/** Name of a row where no column tells its frames. */
export function textOf({ name, wireLike }: RowSpec): string {
  return wireLike === false ? `${name}, super-packets` : name;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Values of the rounds that succeeded; undefined when at least half of them failed, or none was. */
export function valuesOf(row: Row, who: Who): number[] | undefined {
  const values = row.series[who]?.values ?? [];
  const good = values.filter((value) => value !== null);
  return 2 * good.length > values.length ? good : undefined;
}

/** Ours to theirs within each round, then the median; undefined where either failed. */
export function ratioOf(row: Row, than: Who, ours: Ours = "teredo"): number | undefined {
  if (valuesOf(row, ours) === undefined || valuesOf(row, than) === undefined) return undefined;
  const theirs = row.series[than]!.values;
  const ratios = row.series[ours]!.values.flatMap((value, round) => {
    const other = theirs[round] ?? null;
    return value === null || other === null ? [] : [value / other];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** Three significant digits. */
export function brief(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export type Verdict = "met" | "missed" | "failed";

/** Whether ours reached all targets of a row; undefined for a row without any. */
export function verdictOf(row: Row): Verdict | undefined {
  const { targets = [], most = Infinity, least = -Infinity } = row;
  if (targets.length === 0 && most === Infinity && least === -Infinity) return undefined;
  const verdicts = targets.map((target) => reached(row, target));
  for (const ours of OURS) {
    if (row.series[ours] === undefined) continue;
    const values = valuesOf(row, ours);
    if (values === undefined) return "failed";
    const value = median(values);
    verdicts.push(value > most || value < least ? "missed" : "met");
  }
  if (verdicts.length === 0 || verdicts.includes("failed")) return "failed";
  return verdicts.includes("missed") ? "missed" : "met";
}

function reached(row: Row, { ours, than, ratio: wanted }: Target): Verdict {
  const ratio = ratioOf(row, than, ours);
  if (ratio === undefined) return "failed";
  return (row.better === "more" ? ratio < wanted : ratio > wanted) ? "missed" : "met";
}
