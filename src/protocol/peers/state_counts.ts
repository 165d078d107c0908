import { RESOLVING, TRUSTED } from "./entry.ts";

/** How many entries are in each state, by their flags. */
export class StateCounts {
  /** Valid or not. */
  trusted = 0;
  /** Trusted or not: who is asked again keeps its trust meanwhile. */
  resolving = 0;
  /** Neither: they left their bubbles unanswered. */
  failed = 0;

  add(flags: number): void {
    this.#count(flags, 1);
  }

  remove(flags: number): void {
    this.#count(flags, -1);
  }

  #count(flags: number, by: number): void {
    if ((flags & TRUSTED) !== 0) this.trusted += by;
    if ((flags & RESOLVING) !== 0) this.resolving += by;
    if ((flags & (TRUSTED | RESOLVING)) === 0) this.failed += by;
  }
}
