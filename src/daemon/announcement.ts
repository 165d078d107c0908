import type { Logger } from "#src/log/logger.ts";
import type { Millis } from "#src/protocol/time.ts";
import type { ReadinessCheck } from "#src/status/snapshot.ts";
import { SERVING } from "./readiness.ts";

/** For how long the relay has to be ready after trouble before it is announced again. */
export const FIRST_REST: Millis = 5_000;
/** Trouble that comes again and again doubles that, up to here: BGP punishes routes that flap. RFC 2439 */
export const MOST_REST: Millis = 300_000;
/** What was announced for so long is steady again. */
export const STEADY: Millis = 600_000;

/** Has the relay announced while it is ready, and not before what failed has rested. */
export class Announcement {
  readonly #log: Logger;
  readonly #set: (wanted: boolean) => void;
  #isOn = false;
  /** When it was last set. */
  #since: Millis = -Infinity;
  #readySince: Millis | undefined;
  #rest: Millis = 0;

  /** @param set makes the announcement be there or not, at once */
  constructor(log: Logger, set: (wanted: boolean) => void) {
    this.#log = log;
    this.#set = set;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Follows what the last look at the relay has found. */
  follow(checks: readonly ReadinessCheck[], now: Millis): void {
    const failing = checks.filter(({ ok }) => !ok);
    const isReady = checks.length > 0 && failing.length === 0;
    this.#readySince = isReady ? this.#readySince ?? now : undefined;
    if (!isReady) return this.#withdraw(failing, now);
    if (this.#isOn || now - this.#readySince! < this.#rest) return;
    this.#log.info("Announced");
    this.#turn(true, now);
  }

  #withdraw(failing: readonly ReadinessCheck[], now: Millis): void {
    if (!this.#isOn) return;
    const check = failing.map(({ name }) => name);
    const isWish = check.every((name) => name === SERVING);
    if (!isWish) this.#tire(now);
    const seconds = isWish ? undefined : this.#rest / 1000;
    this.#log.info("Not announced any more", { check, seconds });
    this.#turn(false, now);
  }

  #tire(now: Millis): void {
    const isSteady = now - this.#since >= STEADY;
    const last = isSteady ? 0 : this.#rest;
    this.#rest = Math.min(MOST_REST, Math.max(FIRST_REST, 2 * last));
  }

  #turn(isOn: boolean, now: Millis): void {
    this.#isOn = isOn;
    this.#since = now;
    this.#set(isOn);
  }
}
