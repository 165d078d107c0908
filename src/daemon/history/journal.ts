import { type HeardLevel, type Logger, overheardLogger } from "#src/log/logger.ts";
import type { FieldName, Fields } from "#src/log/record.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { ChangeKind } from "#src/status/snapshot.ts";
import type { Clock } from "./wall_time.ts";

/** See docs/limits.md. */
export const MOST_CHANGES = 20;
export const MOST_WARNINGS = 50;
const WARNINGS_KEPT: Millis = 3_600_000;
/** Of a line that a person reads among others. */
const MOST_CHARACTERS = 250;

export interface Change {
  readonly at: Millis;
  readonly kind: ChangeKind;
  readonly text: string;
}

export interface Warning {
  /** When it came last. */
  readonly at: Millis;
  readonly level: "warn" | "error";
  readonly text: string;
  readonly mend: string | undefined;
  readonly count: number;
  /** What is one warning however often it comes. */
  readonly subject: string;
}

/** Messages of the log that tell of a change of the daemon. */
export const CHANGES: Readonly<Record<string, ChangeKind>> = {
  "Ready": "started",
  "Ending": "ending",
  "Datapath failed": "failed",
  "Not ready": "not_ready",
  "Ready again": "ready",
  "Draining until told otherwise": "drained",
  "Serving again": "undrained",
  "Reloaded": "reloaded",
  "Reload refused": "reload_refused",
  "Reload taken back": "reloaded",
  "Restored": "restored",
  "Offload given up": "offload_lost",
  "Offload in use again": "offload_back",
  "Announced": "announced",
  "Not announced any more": "withdrawn",
  "Clock set": "clock_set",
  "Client": "client",
};

/** Two warnings that differ in none of these are one. */
const SUBJECT: readonly FieldName[] = ["check", "what", "key", "reason", "way", "errno", "offload"];
/** What these say needs no name before it. */
const NAMELESS: readonly FieldName[] = [
  "check",
  "what",
  "detail",
  "problem",
  "reason",
  "error",
  "offload",
  "signal",
];

/**
 * What has happened to the daemon lately, as its log tells it: whatever the level of the log, and
 * whoever reads it.
 */
export class Journal {
  readonly #now: Clock;
  #changes: Change[] = [];
  /** The oldest first. */
  readonly #warnings = new Map<string, Warning>();
  #count = 0;

  constructor(now: Clock) {
    this.#now = now;
  }

  /** The last changes, the oldest first. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** How many changes there were. */
  get count(): number {
    return this.#count;
  }

  /** Those since there were so many. */
  changesSince(count: number): readonly Change[] {
    return this.#changes.slice(Math.max(0, this.#changes.length - (this.#count - count)));
  }

  /** Those of the last hour, the oldest first. */
  get warnings(): Warning[] {
    const now = this.#now();
    return [...this.#warnings.values()].filter(({ at }) => now - at < WARNINGS_KEPT);
  }

  /** A log whose lines are heard here too. */
  heardFrom(log: Logger): Logger {
    return overheardLogger(log, (level, message, fields) => this.#hear(level, message, fields));
  }

  /** Puts what was kept by the daemon before this one in front. */
  takeOver(changes: readonly Change[], warnings: readonly Warning[]): void {
    this.#changes = [...changes, ...this.#changes].slice(-MOST_CHANGES);
    this.#count += changes.length;
    const own = [...this.#warnings.values()];
    this.#warnings.clear();
    for (const warning of [...warnings, ...own]) this.#keep(warning);
  }

  #hear(level: HeardLevel, message: string, fields: Fields): void {
    const at = this.#now();
    const text = textOf(message, fields);
    const kind = CHANGES[message];
    if (kind !== undefined) {
      this.#changes = [...this.#changes, { at, kind, text }].slice(-MOST_CHANGES);
      this.#count++;
    }
    if (level === "info") return;
    const subject = clean([message, ...SUBJECT.map((name) => fields[name] ?? "")].join("\0"));
    const mend = fields.mend === undefined ? undefined : clean(String(fields.mend));
    this.#keep({ at, level, text, mend, count: 1, subject });
  }

  #keep(warning: Warning): void {
    const { subject } = warning;
    const known = this.#warnings.get(subject);
    const isOver = known === undefined || warning.at - known.at >= WARNINGS_KEPT;
    const count = warning.count + (isOver ? 0 : known.count);
    this.#warnings.delete(subject);
    this.#warnings.set(subject, { ...warning, count });
    if (this.#warnings.size <= MOST_WARNINGS) return;
    this.#warnings.delete(this.#warnings.keys().next().value!);
  }
}

/** `Not ready: route, 2001::/32 leads to eth0` */
function textOf(message: string, { mend: _, ...fields }: Fields): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => NAMELESS.includes(name as FieldName) ? `${value}` : `${name} ${value}`);
  return clean(parts.length === 0 ? message : `${message}: ${parts.join(", ")}`);
}

function clean(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ");
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS)}\u2026`;
}
