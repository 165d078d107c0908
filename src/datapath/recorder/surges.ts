import type { Millis } from "#src/protocol/time.ts";

const SECOND: Millis = 1_000;
/** Drops within a second that may be a burst; see docs/limits.md. */
const BURST = 100;
/** So many times as many as there usually are. */
const FACTOR = 4;
/** Seconds over which is looked what there usually are. */
const USUALLY = 60;

/** Tells a burst of drops from those that there always are, of scans and of clients that are gone. */
export class Surges {
  #since: Millis = 0;
  /** Since then, for a second at the most. */
  #drops = 0;
  /** In a second, lately. */
  #usual = 0;

  /** Before what is added at this time. */
  begin(now: Millis): void {
    if (now - this.#since < SECOND) return;
    const passed = Math.floor((now - this.#since) / SECOND);
    this.#usual += (this.#drops - this.#usual) / USUALLY;
    // Seconds in which nobody asked had none.
    this.#usual *= (1 - 1 / USUALLY) ** (passed - 1);
    this.#since = now;
    this.#drops = 0;
  }

  add(drops: number): void {
    this.#drops += drops;
  }

  /** Whether there is one. */
  get isOne(): boolean {
    return this.#drops >= Math.max(BURST, FACTOR * this.#usual);
  }
}
