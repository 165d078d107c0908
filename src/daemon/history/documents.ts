import { changeDocument, JSON_VERSION, stateDocument } from "#src/status/document.ts";
import type {
  HistoryDocument,
  SeriesName,
  SnapshotEvent,
  Step,
} from "#src/status/history_document.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import type { Change } from "./journal.ts";
import type { History } from "./mod.ts";

/** Rows of what somebody asks for who has all but the last. */
export const FEW = 60;

/** @param most rows, the newest */
export function historyDocument(history: History, step: Step, most: number): HistoryDocument {
  const { rows, time, role, changes } = history;
  const ring = rows.ring(step);
  const count = Math.min(ring.count, most);
  const first = ring.newest - count + 1;
  const series: Partial<Record<SeriesName, (number | null)[]>> = {};
  rows.columns.forEach(({ name }, column) => {
    const values = Array.from({ length: count }, (_, i) => told(ring.value(first + i, column)));
    if (isShown(name, values)) series[name] = values;
  });
  // A row of a minute is of the time of its last second.
  const from = count === 0 ? time.unix(newestSecond(history)) : time.unix(step * first + step - 1);
  return {
    version: JSON_VERSION,
    role,
    step,
    from,
    count,
    series,
    changes: changes.map(changeDocument),
  };
}

/** @param second of the rows' clock that its row is of */
export function snapshotEvent(
  history: History,
  second: number,
  snapshot: Snapshot,
  changes: readonly Change[],
): SnapshotEvent {
  const { rows, time } = history;
  const row: Partial<Record<SeriesName, number>> = {};
  rows.columns.forEach(({ name }, column) => {
    const value = told(rows.seconds.value(second, column));
    if (value !== null && isShown(name, [value])) row[name] = value;
  });
  return {
    version: JSON_VERSION,
    time: time.unix(second),
    row,
    state: stateDocument(snapshot),
    changes: changes.map(({ at, kind, text }) =>
      changeDocument({ time: time.date(at), kind, text })
    ),
  };
}

/** The second of the newest row; before the first row of this daemon the moment. */
export function newestSecond({ rows, time }: History): number {
  return rows.newest ?? time.second();
}

/** Of most reasons there is never a drop. */
function isShown(name: SeriesName, values: readonly (number | null)[]): boolean {
  return !name.startsWith("drops_") || values.some((value) => value !== null && value > 0);
}

/** No finer than it means. */
function told(value: number): number | null {
  if (Number.isNaN(value)) return null;
  if (value >= 100) return Math.round(value);
  return value >= 1 ? Math.round(value * 100) / 100 : Math.round(value * 10_000) / 10_000;
}
