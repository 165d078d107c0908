import type { PeerId } from "#src/protocol/peers/index.ts";
import type { Millis } from "#src/protocol/time.ts";

/** Most peers that wait for a lease; who comes behind them wants one with his next packet. */
const MOST = 256;
/** How long a queue may be found with something in it: then order is lost as it is. */
export const BUSY_PATIENCE: Millis = 100;

/** @param shown when a packet of the peer came the slow way */
export type Grant = (p: PeerId, shown: Millis, now: Millis) => void;

/**
 * Peers whose packets came the slow way in one direction, and may pass in the kernel from the moment
 * that none of them waits any more: a later packet would overtake it.
 */
export class Wants {
  readonly #peers = new Uint32Array(MOST);
  /** When the packet came. */
  readonly #since = new Float64Array(MOST);
  #count = 0;
  /** Since when something has waited whenever it was looked at. */
  #busySince: Millis | undefined;

  get any(): boolean {
    return this.#count > 0;
  }

  add(p: PeerId, now: Millis): void {
    const isLast = this.#count > 0 && this.#peers[this.#count - 1] === p;
    if (!isLast) {
      if (this.#count === MOST) return;
      this.#peers[this.#count++] = p;
    }
    this.#since[this.#count - 1] = now;
  }

  /**
   * Gives all of them to `grant`, unless something waits.
   *
   * @param isEmpty whether nothing waits in the queue of that direction
   */
  settle(isEmpty: boolean, now: Millis, grant: Grant): void {
    if (isEmpty) this.#busySince = undefined;
    else if (now - (this.#busySince ??= now) < BUSY_PATIENCE) return;
    for (let i = 0; i < this.#count; i++) grant(this.#peers[i]!, this.#since[i]!, now);
    this.#count = 0;
  }

  each(visit: (p: PeerId, now: Millis) => void, now: Millis): void {
    for (let i = 0; i < this.#count; i++) visit(this.#peers[i]!, now);
  }

  clear(): void {
    this.#count = 0;
  }
}
