import type { Millis } from "#src/protocol/time.ts";

/** What a stalled sender makes up for: this many times its rate, so that catching up is no flood. */
const CATCH_UP = 2;
/** A tick that came later than this sends no more for it. */
const LONGEST_TICK: Millis = 2;

/** Says how many packets are due: `rate` a second, `rate * seconds` in all. */
export class Schedule {
  readonly total: number;
  sent = 0;
  readonly #rate: number;
  #startedAt: Millis = 0;
  #lastAt: Millis = 0;

  constructor(rate: number, seconds: number) {
    this.#rate = rate / 1_000;
    this.total = Math.round(rate * seconds);
  }

  start(now: Millis): void {
    this.#startedAt = now;
    this.#lastAt = now;
  }

  /** Packets to send at once; the caller adds what it sent to {@link sent}. */
  due(now: Millis): number {
    const behind = Math.floor((now - this.#startedAt) * this.#rate) - this.sent;
    const tick = Math.min(now - this.#lastAt, LONGEST_TICK);
    this.#lastAt = now;
    const most = Math.ceil(tick * this.#rate * CATCH_UP);
    return Math.max(0, Math.min(behind, most, this.total - this.sent));
  }

  get isDone(): boolean {
    return this.sent >= this.total;
  }
}
