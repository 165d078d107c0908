import type { Libc } from "#ffi/libc.ts";
import { kernelOf } from "#src/datapath/kernels.ts";
import type { Millis } from "#src/protocol/time.ts";

/** A clock that only goes forward. */
export type Clock = () => Millis;

/** The clock that all processes of this boot share and that counts sleep, where the system has it. */
export function bootClock(libc: Libc): Clock {
  const { bootTime } = kernelOf(libc);
  return bootTime === undefined ? () => performance.now() : () => bootTime(libc);
}

/** What is less is the time between two readings, not a clock that was set. */
const SET_LEAST: Millis = 1_000;
/** Two readings that are further apart say nothing of each other. */
const TOGETHER: Millis = 100;
const READINGS = 3;

/**
 * Dates for what is dated by a clock that only goes forward: where that clock and the wall clock stand
 * now. When the wall clock is set, what is past gets the dates that it would have had by the new time:
 * how long ago it was is what is known of it.
 */
export class WallTime {
  readonly #clock: Clock;
  readonly #wall: () => number;
  #offset: Millis;

  /** @param wall unix time in milliseconds */
  constructor(clock: Clock, wall: () => number = Date.now) {
    this.#clock = clock;
    this.#wall = wall;
    this.#offset = this.#read() ?? wall() - clock();
  }

  now(): Millis {
    return this.#clock();
  }

  /** Looks whether the wall clock was set. @returns how far forward; 0: it was not */
  look(): Millis {
    const offset = this.#read();
    if (offset === undefined) return 0;
    const by = offset - this.#offset;
    if (Math.abs(by) < SET_LEAST) return 0;
    this.#offset = offset;
    return by;
  }

  /** How far apart the clocks are; undefined: the process was held up whenever it looked at both. */
  #read(): Millis | undefined {
    for (let i = 0; i < READINGS; i++) {
      const before = this.#clock();
      const wall = this.#wall();
      if (this.#clock() - before <= TOGETHER) return wall - before;
    }
    return undefined;
  }

  /** Of the clock, now. */
  second(): number {
    return Math.floor(this.#clock() / 1_000);
  }

  date(at: Millis): Date {
    return new Date(this.#offset + at);
  }

  /** Unix time of a second of the clock. */
  unix(second: number): number {
    return second + Math.round(this.#offset / 1_000);
  }

  /** The second of the clock at a unix time. */
  secondOf(unix: number): number {
    return unix - Math.round(this.#offset / 1_000);
  }
}
