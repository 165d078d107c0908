import type { Millis } from "#src/protocol/time.ts";

/** What became of a fault whose promise was kept. */
export interface Found {
  /** What was seen, in words. */
  readonly measured: string;
  /** How long it took until packets passed again, or the daemon was what it was; 0: they never stopped. */
  readonly recovered?: Millis | undefined;
  /** Of what was on its way meanwhile. */
  readonly lost?: string | undefined;
  /** What took longer than was promised; it means nothing on a busy machine. */
  readonly late?: string | undefined;
}

/** How a run is made; the same seed makes the same faults at the same moments. */
export interface FaultOptions {
  readonly seed: number;
  /** Of each of the faults of `killed`. */
  readonly kills: number;
}

/** One row of docs/faults.md. */
export interface Fault {
  readonly name: string;
  readonly promised: string;
  /** Whether `scripts/test` brings it about as well. */
  readonly isQuick?: boolean;
  /** Brings it about, in a network of its own. @throws Error that says how the promise was broken */
  run(options: FaultOptions): Promise<Found>;
}

/** Rows that belong together. */
export interface Section {
  readonly name: string;
  readonly faults: readonly Fault[];
}
