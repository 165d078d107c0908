import type { Snapshot } from "#src/status/snapshot.ts";
import type { Millis } from "#src/protocol/time.ts";
import { type Change, CHANGES, MOST_CHANGES, MOST_WARNINGS, type Warning } from "./journal.ts";
import { MINUTES_KEPT, SECONDS_KEPT } from "./rows.ts";
import type { Standing } from "./standings.ts";

/** What stands before the rows that a daemon leaves. */
export interface Head {
  /** Of `Host.instance()`. */
  readonly instance: string;
  readonly role: Snapshot["role"];
  readonly written_at: Millis;
  /** By name: another version has others. */
  readonly columns: readonly string[];
  readonly seconds: Extent;
  readonly minutes: Extent;
  readonly changes: readonly Change[];
  readonly warnings: readonly Warning[];
  readonly checks: readonly (readonly [name: string, standing: Standing])[];
}

export interface Extent {
  /** Number of the newest row. */
  readonly newest: number;
  readonly rows: number;
}

export const COLUMNS_MOST = 256;
const SECOND: Millis = 1_000;
const MINUTE = 60 * SECOND;
const KINDS: readonly string[] = Object.values(CHANGES);

/** Whether it has the form of one, and tells of nothing that is still to come when it was written. */
export function isHead(head: object): head is Head {
  const { instance, role, written_at, columns, seconds, minutes, changes, warnings, checks } =
    head as Partial<Record<keyof Head, unknown>>;
  return typeof instance === "string" && typeof role === "string" && isNumber(written_at) &&
    isList(columns, isText, COLUMNS_MOST) &&
    isExtent(seconds, SECONDS_KEPT, written_at / SECOND) &&
    isExtent(minutes, MINUTES_KEPT, written_at / MINUTE - 1) &&
    isList(changes, isChange, MOST_CHANGES) && isList(warnings, isWarning, MOST_WARNINGS) &&
    isList(checks, isCheck, COLUMNS_MOST);
}

const isText = (it: unknown): it is string => typeof it === "string";
const isNumber = (it: unknown): it is number => Number.isFinite(it);
const isObject = (it: unknown): it is Record<string, unknown> =>
  typeof it === "object" && it !== null;

function isList<T>(it: unknown, isOne: (one: unknown) => one is T, most: number): it is T[] {
  return Array.isArray(it) && it.length <= most && it.every(isOne);
}

/** A row of the future would keep all others out until then. @param last the newest that is over */
function isExtent(it: unknown, most: number, last: number): it is Extent {
  if (!isObject(it)) return false;
  const { newest, rows } = it;
  return Number.isSafeInteger(newest) && Number.isSafeInteger(rows) &&
    (newest as number) <= Math.max(-1, last) && (rows as number) >= 0 && (rows as number) <= most;
}

function isChange(it: unknown): it is Change {
  return isObject(it) && isNumber(it["at"]) && isText(it["text"]) &&
    KINDS.includes(it["kind"] as string);
}

function isWarning(it: unknown): it is Warning {
  return isObject(it) && isNumber(it["at"]) && isNumber(it["count"]) && isText(it["text"]) &&
    isText(it["subject"]) && ["string", "undefined"].includes(typeof it["mend"]) &&
    ["warn", "error"].includes(it["level"] as string);
}

function isCheck(it: unknown): it is readonly [string, Standing] {
  if (!Array.isArray(it) || it.length !== 2 || !isText(it[0]) || !isObject(it[1])) return false;
  return typeof it[1]["ok"] === "boolean" && isNumber(it[1]["since"]);
}
