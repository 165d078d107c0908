import type { Layout } from "#ffi/layout.ts";
import { type Counters, DROPS_AT, FAILURES_AT } from "#src/protocol/counters.ts";
import { Drop } from "#src/protocol/drops.ts";
import { FAILURE_NAMES, type WayOut, WAYS_OUT } from "#src/protocol/failures.ts";

/** No errno of any system is as large. */
const NUMBERS = 256;

/** Counts the packets that the kernel did not take on one way out, each by what it said. */
export class Failures {
  readonly #counters: Counters;
  readonly #layout: Layout;
  readonly #isTun: boolean;
  readonly #from: number;
  /** Index in {@link FAILURE_NAMES}, by number. */
  readonly #names = new Uint8Array(NUMBERS);

  constructor(layout: Layout, counters: Counters, way: WayOut) {
    this.#counters = counters;
    this.#layout = layout;
    this.#isTun = way === "tun";
    this.#from = FAILURES_AT + WAYS_OUT.indexOf(way) * FAILURE_NAMES.length;
    const names: readonly string[] = FAILURE_NAMES;
    for (const [errno, [symbol]] of layout.errors) {
      this.#names[errno] = Math.max(names.indexOf(symbol), 0);
    }
  }

  /** @returns as what they are counted */
  count(errno: number, packets: number): Drop {
    const { EAGAIN, ENOBUFS } = this.#layout;
    if (!this.#isTun && (errno === EAGAIN || errno === ENOBUFS)) {
      this.#counters[DROPS_AT + Drop.SendQueueFull]! += packets;
      return Drop.SendQueueFull;
    }
    const drop = this.#isTun ? Drop.TunWriteFailed : Drop.SendFailed;
    this.#counters[DROPS_AT + drop]! += packets;
    this.#counters[this.#from + (this.#names[errno] ?? 0)]! += packets;
    return drop;
  }
}
