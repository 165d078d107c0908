import { COUNTER_NAMES, type CounterName } from "#src/protocol/counters.ts";
import { DROP_NAMES } from "#src/protocol/drops.ts";
import { counterMetric } from "#src/status/metrics.ts";
import { parseExposition } from "#test/status/exposition_parser.ts";

/** Counters and drops of `/metrics` at one moment. */
export interface Counts {
  readonly counters: Readonly<Record<CounterName, number>>;
  /** By reason; reasons that count nothing are there as 0. */
  readonly drops: Readonly<Record<string, number>>;
}

/** @throws Error when a counter or a reason is missing */
export function readCounts(exposition: string): Counts {
  const metrics = parseExposition(exposition);
  const value = (name: string, labels = "") => {
    const sample = metrics.get(name)?.samples.get(labels);
    if (sample === undefined) throw new Error(`/metrics has no ${name}${labels}`);
    return sample;
  };
  const drop = (reason: string) => value("teredo_drops_total", `{reason="${reason}"}`);
  return {
    counters: record(COUNTER_NAMES, (name) => value(counterMetric(name))),
    drops: record(DROP_NAMES.slice(1), drop),
  };
}

/** What was counted between two moments. */
export function difference(before: Counts, after: Counts): Counts {
  return {
    counters: record(COUNTER_NAMES, (name) => after.counters[name] - before.counters[name]),
    drops: record(DROP_NAMES.slice(1), (name) => after.drops[name]! - before.drops[name]!),
  };
}

/** All counters, 0 but for those given; no drops. */
export function expectedCounts(given: Partial<Record<CounterName, number>>): Counts {
  return {
    counters: record(COUNTER_NAMES, (name) => given[name] ?? 0),
    drops: record(DROP_NAMES.slice(1), () => 0),
  };
}

function record<K extends string>(
  keys: readonly K[],
  value: (key: K) => number,
): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, number>;
}
