import type { Millis } from "#src/protocol/time.ts";
import type { SeriesName } from "#src/status/history_document.ts";
import type {
  Change,
  DatedCheck,
  ReadinessCheck,
  Snapshot,
  Warning,
} from "#src/status/snapshot.ts";
import { Journal } from "./journal.ts";
import { Rows } from "./rows.ts";
import { Standings } from "./standings.ts";
import { type Clock, WallTime } from "./wall_time.ts";

/** Seconds that what passes is told the mean of. */
const RECENT = 10;

/** What a daemon remembers of itself, dated by one clock that only goes forward. */
export class History {
  readonly role: Snapshot["role"];
  readonly time: WallTime;
  readonly rows: Rows;
  readonly journal: Journal;
  readonly standings = new Standings();

  /** @param wall unix time in milliseconds */
  constructor(role: Snapshot["role"], clock: Clock, wall?: () => number) {
    this.role = role;
    this.time = new WallTime(clock, wall);
    this.rows = new Rows(role);
    this.journal = new Journal(clock);
  }

  /** Dates the outcome of a look at all checks. */
  judge(checks: readonly ReadinessCheck[]): DatedCheck[] {
    this.standings.look(checks, this.time.now());
    return checks.map((check) => ({
      ...check,
      since: this.time.date(this.standings.since(check.name)),
    }));
  }

  /** Takes what has passed, once a second. @returns how far forward the wall clock was set since */
  look(snapshot: Snapshot): Millis {
    this.rows.look(snapshot, this.time.now());
    return this.time.look();
  }

  get changes(): Change[] {
    return this.journal.changes.map(({ at, ...change }) => ({
      ...change,
      time: this.time.date(at),
    }));
  }

  get warnings(): Warning[] {
    return this.journal.warnings.map(({ at, level, text, mend, count }) => ({
      time: this.time.date(at),
      level,
      text,
      ...(mend === undefined ? {} : { mend }),
      count,
    }));
  }

  /** How much passes in a second. */
  readonly rate = (name: SeriesName): number | undefined => this.rows.recent(name, RECENT);
}
