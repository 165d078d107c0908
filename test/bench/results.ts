/** Whose number it is. `kernel` forwards the same packets without a tunnel. */
export type Who = "miredo" | "teredo" | "kernel";

/** What a row must reach, as the ratio of ours to that of `than`. */
export interface Target {
  readonly than: Exclude<Who, "teredo">;
  /** For a row of which more is better the least ratio, else the greatest. */
  readonly ratio: number;
}

export interface RowSpec {
  /** Letter of the case, as docs/performance.md has them. */
  readonly part: string;
  readonly name: string;
  readonly unit: string;
  readonly better: "more" | "less";
  readonly targets?: readonly Target[];
  /** What ours must not exceed, in the row's unit. */
  readonly most?: number;
  /** Frames of real size on every link (true), super-packets (false); nothing where no matter. */
  readonly wireLike?: boolean;
}

/** A row with the values of every round, by maker; a maker that failed says why. */
export interface Row extends RowSpec {
  readonly values: Partial<Record<Who, number[]>>;
  readonly failures: Partial<Record<Who, string>>;
}

/** Rows in the order they were first measured. */
export class Results {
  readonly rows: Row[] = [];

  /** Measures a value of a row; a failure is kept instead of it. */
  async measure(spec: RowSpec, who: Who, measure: () => Promise<number>): Promise<void> {
    const row = this.#row(spec);
    try {
      const value = await measure();
      if (!(value > 0 && Number.isFinite(value))) throw new Error(`measured ${value}`);
      (row.values[who] ??= []).push(value);
      console.error(`  ${spec.part} ${spec.name}: ${who} ${brief(value)} ${spec.unit}`);
    } catch (error) {
      this.#fail(row, who, error);
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

  #row(spec: RowSpec): Row {
    const known = this.rows.find((row) => row.part === spec.part && row.name === spec.name);
    if (known !== undefined) return known;
    const row: Row = { ...spec, values: {}, failures: {} };
    this.rows.push(row);
    return row;
  }

  #fail(row: Row, who: Who, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const why = row.failures[who] ??= text.replace(/\s+/g, " ").trim().slice(0, 300);
    console.error(`  ${row.part} ${row.name}: ${who} FAILED: ${why}`);
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ours to theirs within each round, then the median; undefined where either failed. */
export function ratioOf(row: Row, than: Who): number | undefined {
  const [ours, theirs] = [row.values.teredo, row.values[than]];
  if (ours === undefined || theirs === undefined) return undefined;
  if (row.failures.teredo !== undefined || row.failures[than] !== undefined) return undefined;
  if (ours.length !== theirs.length) return median(ours) / median(theirs);
  return median(ours.map((value, round) => value / theirs[round]!));
}

/** Three significant digits. */
export function brief(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export type Verdict = "met" | "missed" | "failed";

/** Whether ours reached all targets of a row; undefined for a row without any. */
export function verdictOf(row: Row): Verdict | undefined {
  const { targets = [], most, better } = row;
  if (targets.length === 0 && most === undefined) return undefined;
  if (row.failures.teredo !== undefined || row.values.teredo === undefined) return "failed";
  if (most !== undefined && median(row.values.teredo) > most) return "missed";
  for (const { than, ratio } of targets) {
    const reached = ratioOf(row, than);
    if (reached === undefined) return "failed";
    if (better === "more" ? reached < ratio : reached > ratio) return "missed";
  }
  return "met";
}
