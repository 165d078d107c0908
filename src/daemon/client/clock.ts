import type { Millis } from "#src/protocol/time.ts";

/** Time, for what waits. */
export interface Clock {
  /** Monotonic; it stands still while the machine sleeps. */
  now(): Millis;
  /** @returns what calls it off */
  after(delay: Millis, step: () => void): () => void;
}

export const CLOCK: Clock = {
  now: () => performance.now(),
  after: (delay, step) => {
    const timer = setTimeout(step, delay);
    return () => clearTimeout(timer);
  },
};
