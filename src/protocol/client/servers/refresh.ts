import type { Nonces } from "../nonces.ts";
import type { Millis } from "../../time.ts";

/** No NAT forgets sooner, and no server is asked oftener. */
export const REFRESH_MIN: Millis = 10_000;
/** How much longer the next interval may be where the last one was survived. */
const CREEP = 1.02;
/** The same of what the interval creeps up to: hours, until an interval that broke is tried again. */
const CREEP_OF_CEILING = 1.000_1;
/** Part of a delay after which a mapping was gone that still seems safe. */
const SAFE = 0.9;
/** Where in the interval the solicitation goes out. RFC 4380 §5.2 */
const EARLIEST = 0.75;

/**
 * The Teredo refresh interval (RFC 4380 §5.2.5), which adapts where RFC 6081 §5.1.1 sees the trouble:
 * a NAT that forgets sooner than in 30 s. Its sign is that
 * a question which was due finds a mapping of which only the port has changed.
 */
export class Refresh {
  #configured: Millis;
  #interval: Millis;
  #ceiling: Millis;
  /** When the mapping was last known to stand. */
  lastAt: Millis = 0;
  /** When it is to be asked about again; Infinity: there is no server to ask. */
  nextAt: Millis = Infinity;

  constructor(configured: Millis) {
    this.#configured = configured;
    this.#interval = configured;
    this.#ceiling = configured;
  }

  get interval(): Millis {
    return this.#interval;
  }

  /** What was learned stays where no other interval is asked for. */
  set(configured: Millis): void {
    if (configured === this.#configured) return;
    this.#configured = configured;
    this.reset();
  }

  /** Begins again: behind another NAT. */
  reset(): void {
    this.#interval = this.#configured;
    this.#ceiling = this.#configured;
  }

  /** The mapping stands now: it is asked about again after the randomized refresh interval. */
  plan(now: Millis, nonces: Nonces): void {
    this.lastAt = now;
    this.nextAt = now + nonces.between(EARLIEST, 1) * this.#interval;
  }

  /** The mapping was still there. */
  survived(): void {
    this.#ceiling = Math.min(this.#ceiling * CREEP_OF_CEILING, this.#configured);
    this.#interval = Math.min(this.#interval * CREEP, this.#ceiling);
  }

  /** @param idle after which the mapping had another port */
  broke(idle: Millis): void {
    const floor = Math.min(REFRESH_MIN, this.#configured);
    this.#ceiling = Math.max(floor, Math.min(this.#ceiling, idle * SAFE));
    this.#interval = Math.max(floor, Math.min(this.#interval / 2, this.#ceiling));
  }
}
