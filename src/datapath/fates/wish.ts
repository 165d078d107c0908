import type { Counters } from "#src/protocol/counters.ts";
import type { PeerPattern } from "#src/protocol/peers/pattern.ts";
import { SharedValue } from "../threads/shared_value.ts";
import { FateMatch } from "./match.ts";
import { FateRecorder } from "./recorder.ts";
import { FateRing } from "./ring.ts";

/** Bytes of JSON: some peers, and each who wants to know has one. */
const ROOM = 1_024;

interface Wish {
  readonly peers: readonly PeerPattern[];
}

/** What a thread gets of {@link Fates}, in shared memory. */
export interface FateOptions {
  readonly wish: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
}

/** Whose packets' fates the threads tell, and what they tell, as the main thread has it. */
export class Fates {
  readonly #wish = new SharedValue<Wish>(ROOM);
  readonly #rings: readonly FateRing[];
  readonly #onObserve: (isObserved: boolean) => void;
  readonly #wake: () => void;

  /**
   * @param onObserve is told before the threads are whether anybody's packets are observed
   * @param wake has the threads turn, which may sleep while the kernel carries packets by itself
   */
  constructor(
    workers: number,
    onObserve: (isObserved: boolean) => void = () => {},
    wake: () => void = () => {},
  ) {
    this.#onObserve = onObserve;
    this.#wake = wake;
    this.#rings = Array.from({ length: workers }, () => new FateRing());
  }

  /** For the thread of this worker, from 0. */
  optionsOf(worker: number): FateOptions {
    return { wish: this.#wish.buffer, ring: this.#rings[worker]!.buffer };
  }

  /**
   * From here on the threads tell what becomes of the packets of these peers, each from the start of
   * its next turn on; of nobody's, if there are none, and then it costs nothing.
   *
   * @throws RangeError when there are too many
   */
  observe(peers: readonly PeerPattern[]): void {
    this.#onObserve(peers.length > 0);
    if (!this.#wish.replace({ peers })) throw new RangeError(`${peers.length} peers to observe`);
    this.#wake();
  }

  /** Hands over each fate that waits, in a copy that is the caller's. */
  take(each: (fate: Uint8Array) => void): void {
    for (const ring of this.#rings) ring.take(each);
  }

  /** How many there was no room for since this was last asked. */
  takeLost(): number {
    return this.#rings.reduce((sum, ring) => sum + ring.takeLost(), 0);
  }
}

/** The same as one thread has it. */
export class FateWish {
  readonly #wish: SharedValue<Wish>;
  readonly #ring: FateRing;
  readonly #counters: Counters;
  readonly #servicePrefix: number;

  constructor({ wish, ring }: FateOptions, counters: Counters, servicePrefix: number) {
    this.#wish = new SharedValue(wish);
    this.#ring = new FateRing(ring);
    this.#counters = counters;
    this.#servicePrefix = servicePrefix;
  }

  /** Who is to write fates down from here on; null: nobody, undefined: as before. */
  take(): FateRecorder | null | undefined {
    const wish = this.#wish.take();
    if (wish === undefined) return undefined;
    if (wish.peers.length === 0) return null;
    const match = new FateMatch(wish.peers, this.#servicePrefix);
    return new FateRecorder(this.#ring, match, this.#counters);
  }
}
