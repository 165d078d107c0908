import { History } from "#src/daemon/history/mod.ts";
import type { Snapshot } from "#src/status/snapshot.ts";
import { sampleSnapshot } from "#test/status/sample.ts";

/** When the machine was booted, by a wall clock that is right. */
export const BOOTED = Date.parse("2026-11-29T00:00:00.000Z");
/** Such unix seconds. */
export const BOOTED_UNIX = BOOTED / 1000;

type Totals = Partial<Snapshot["counters"]>;

/** A history whose clocks a test turns, and a daemon that counts what it is told to. */
export class Clocks {
  /** Seconds since the boot, and what the wall clock is wrong by. */
  boot: number;
  wrongBy = 0;
  readonly history: History;
  #snapshot: Snapshot;

  constructor(role: Snapshot["role"] = "relay", boot = 1_000) {
    this.boot = boot;
    this.history = new History(
      role,
      () => this.boot * 1000,
      () => BOOTED + (this.boot + this.wrongBy) * 1000,
    );
    this.#snapshot = sampleSnapshot({ role });
    this.#snapshot = { ...this.#snapshot, drops: zeros(this.#snapshot.drops) };
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Counts more. */
  count(totals: Totals, drops: Partial<Snapshot["drops"]> = {}): void {
    const { counters } = this.#snapshot;
    this.#snapshot = {
      ...this.#snapshot,
      counters: added(counters, totals),
      drops: added(this.#snapshot.drops, drops),
    };
  }

  change(changes: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...changes };
  }

  /** A look after so many seconds. @returns how far the wall clock was set */
  look(after = 1): number {
    this.boot += after;
    return this.history.look(this.#snapshot);
  }
}

function zeros<T extends object>(numbers: T): T {
  return Object.fromEntries(Object.keys(numbers).map((name) => [name, 0])) as T;
}

function added<T extends object>(numbers: T, more: Partial<T>): T {
  const sum = { ...numbers } as Record<string, number>;
  for (const [name, count] of Object.entries(more)) sum[name]! += count as number;
  return sum as T;
}
