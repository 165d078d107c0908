/** Refusals in a row after which the kernel is not asked any more. One odd run is no reason to. */
const MOST_REFUSALS = 8;
/** Turns after which it is asked again: a device, a route or a limit of memory may have changed. */
const REST = 4_096;

/**
 * Whether the kernel accepts an offload. It can refuse any at any time: for a device or a route, for
 * want of memory, or, in some versions, by a check that is too strict.
 *
 * Only what was accepted packet by packet right after counts as refused: else it is not the offload
 * that is in the way.
 */
export class Acceptance {
  #refusals = 0;
  #rest = 0;
  #isGivenUp = false;

  /** Whether it was refused and is not asked for, but now and then. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Whether to ask for it in the turn that begins. */
  isWorthwhile(): boolean {
    if (!this.#isGivenUp) return true;
    if (this.#rest > 0) this.#rest--;
    return this.#rest === 0;
  }

  accepted(): void {
    this.#refusals = 0;
    this.#isGivenUp = false;
  }

  refused(): void {
    if (++this.#refusals < MOST_REFUSALS) return;
    this.#isGivenUp = true;
    this.#rest = REST;
  }
}
