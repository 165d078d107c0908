import type { Nonces } from "../nonces.ts";
import type { Millis } from "../../time.ts";

const DELAYS: readonly Millis[] = [5_000, 10_000, 20_000, 40_000, 80_000, 100_000];
const SPREAD = 0.25;

/** When all servers, none of which has answered, are asked again: less and less often. */
export class Retries {
  readonly #nonces: Nonces;
  /** Infinity: not at all. */
  at: Millis = Infinity;
  #count = 0;

  constructor(nonces: Nonces) {
    this.#nonces = nonces;
  }

  /** One has answered, or all are asked anyway. */
  end(): void {
    this.at = Infinity;
    this.#count = 0;
  }

  plan(now: Millis): void {
    const delay = DELAYS[Math.min(this.#count++, DELAYS.length - 1)]!;
    this.at = now + delay * this.#nonces.between(1 - SPREAD, 1 + SPREAD);
  }
}
