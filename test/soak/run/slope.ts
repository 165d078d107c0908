/** One value of a series: when, in seconds, and of which process. */
export interface Point {
  readonly at: number;
  readonly value: number;
  readonly process: number;
}

export interface Slope {
  /** By which the value grows in an hour, within a process. */
  readonly perHour: number;
  /** What it grew by in the seconds that were looked at, and how far values lie from that line: 90 % of them. */
  readonly drift: number;
  readonly noise: number;
  readonly seconds: number;
  readonly median: number;
  /** Whether what it grew by is within the noise, or less than one step of what is counted. */
  readonly isFlat: boolean;
}

const HOUR = 3_600;
/** Pairs that the slope is the median of are taken of so many points at most. */
const POINTS = 400;

/**
 * The slope of a series by Theil and Sen: the median of the slopes of all pairs within one process. A
 * collector's sawtooth and a few outliers do not move it.
 *
 * @param warmUp seconds of each process that are left out
 * @param step what the series is counted in: less is no growth
 * @returns undefined when no process has been there for long enough
 */
export function slopeOf(points: readonly Point[], warmUp: number, step = 0): Slope | undefined {
  const groups = [...Map.groupBy(points, ({ process }) => process).values()]
    .map((group) => group.filter(({ at }) => at - group[0]!.at >= warmUp))
    .filter((group) => group.length >= 10);
  if (groups.length === 0) return undefined;
  const slopes = groups.flatMap(slopesWithin);
  const slope = median(slopes);
  const rests = groups.flatMap((group) => {
    const level = median(group.map(({ at, value }) => value - slope * at));
    return group.map(({ at, value }) => value - slope * at - level);
  });
  const seconds = Math.max(...groups.map((group) => group.at(-1)!.at - group[0]!.at));
  const drift = slope * seconds;
  const noise = quantile(rests, 0.95) - quantile(rests, 0.05);
  return {
    perHour: slope * HOUR,
    drift,
    noise,
    seconds,
    median: median(groups.flat().map(({ value }) => value)),
    isFlat: drift <= Math.max(noise, step),
  };
}

function slopesWithin(group: readonly Point[]): number[] {
  const every = Math.ceil(group.length / POINTS);
  const some = group.filter((_, i) => i % every === 0);
  return some.flatMap((a, i) =>
    some.slice(i + 1).flatMap((b) => b.at > a.at ? [(b.value - a.value) / (b.at - a.at)] : [])
  );
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @throws RangeError when there is no value */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
