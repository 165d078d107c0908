import type { Millis } from "#src/protocol/time.ts";
import { FIRST_LINE_MOST, type Seal, seal, unseal, whyNotOf } from "../handover/sealed.ts";
import { COLUMNS_MOST, type Extent, type Head, isHead } from "./head.ts";
import type { History } from "./mod.ts";
import type { Ring } from "./ring.ts";
import { MINUTES_KEPT, type Rows, SECONDS_KEPT } from "./rows.ts";

/** The head; then the rows of the seconds and of the minutes, each number as float32. */
const SEAL: Seal = { name: "history", version: 1 };
/** All dates are by a clock of this boot, which says how old they are. */
const KEPT: Millis = 60_000 * MINUTES_KEPT;
const HEAD_MOST = 262_144;
const CELL = Float32Array.BYTES_PER_ELEMENT;
/** Longer files are not read. */
export const LENGTH_MOST: number = FIRST_LINE_MOST + HEAD_MOST +
  CELL * COLUMNS_MOST * (SECONDS_KEPT + MINUTES_KEPT);

/** What to write, in order. */
export function encode(history: History, instance: string): Uint8Array[] {
  const { role, time, rows, journal, standings } = history;
  const extent = ({ newest, count }: Ring): Extent => ({ newest, rows: count });
  const head: Head = {
    instance,
    role,
    written_at: time.now(),
    columns: rows.columns.map(({ name }) => name),
    seconds: extent(rows.seconds),
    minutes: extent(rows.minutes),
    changes: journal.changes,
    warnings: journal.warnings,
    checks: standings.all,
  };
  const body = [rows.seconds, rows.minutes].map((ring) => new Uint8Array(ring.copy().buffer));
  return seal(SEAL, head, body);
}

/**
 * Has `history`, which nobody has looked at yet, go on from what was left.
 *
 * @returns why it is of no use here, which completes "the file is ..."; undefined: it was
 */
export function decodeInto(
  history: History,
  file: Uint8Array,
  instance: string,
): string | undefined {
  const found = unseal<Head>(SEAL, file, isHead);
  if (typeof found === "string") return found;
  const { head, body } = found;
  if (head.instance !== instance) return `of another boot or network namespace: ${head.instance}`;
  if (head.role !== history.role) return `a ${head.role}'s`;
  const wrongTime = whyNotOf(head.written_at, history.time.now(), KEPT);
  if (wrongTime !== undefined) return wrongTime;
  const { columns, seconds, minutes } = head;
  if (body.length !== CELL * columns.length * (seconds.rows + minutes.rows)) return "damaged";
  const cells = new Float32Array(new Uint8Array(body).buffer);
  const split = columns.length * seconds.rows;
  fill(history.rows, history.rows.seconds, columns, seconds, cells.subarray(0, split));
  fill(history.rows, history.rows.minutes, columns, minutes, cells.subarray(split));
  history.journal.takeOver(head.changes, head.warnings);
  history.standings.takeOver(head.checks);
  return undefined;
}

/** Of a column that the other version had not nothing is known. */
function fill(
  rows: Rows,
  ring: Ring,
  columns: readonly string[],
  { newest, rows: count }: Extent,
  cells: Float32Array,
): void {
  const from = rows.columns.map(({ name }) => columns.indexOf(name));
  for (let i = 0; i < count; i++) {
    const row = cells.subarray(i * columns.length, (i + 1) * columns.length);
    ring.put(newest - count + 1 + i, from.map((column) => column < 0 ? NaN : row[column]!));
  }
}
