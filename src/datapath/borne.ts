import type { Layout } from "#ffi/layout.ts";
import { EINTR, ENOMEM, EPERM } from "#ffi/posix.ts";

/** In a row: what lasts longer is no want of memory, and would be met again and again at once. */
export const MOST_BORNE = 64;

/** Failures of a call that a loop lives on, after which it is made again: what there was is still there. */
export class Borne {
  readonly #layout: Layout;
  #row = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Has the row end: a call succeeded. */
  end(): void {
    this.#row = 0;
  }

  /** Whether to go on after one more failure. */
  bears(errno: number): boolean {
    const { EAGAIN, ENOBUFS, EMSGSIZE, ENETUNREACH } = this.#layout;
    // EAGAIN may be a signal as well: what a runtime does about one, between the call and the question
    // which error it had, writes over that.
    if (errno === EINTR || errno === EAGAIN) return true;
    const passes = errno === ENOMEM || errno === ENOBUFS || errno === EPERM ||
      errno === EMSGSIZE || errno === ENETUNREACH;
    return passes && ++this.#row <= MOST_BORNE;
  }
}
