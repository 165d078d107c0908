import { timeOf } from "#src/datapath/fates/fate.ts";
import { FateMatch } from "#src/datapath/fates/match.ts";
import type { Fates } from "#src/datapath/fates/wish.ts";
import type { PeerPattern } from "#src/protocol/peers/pattern.ts";
import type { Millis } from "#src/protocol/time.ts";

const LOOK_EVERY: Millis = 100;

/** Who wants to know what becomes of one peer's packets. */
export interface Watcher {
  readonly peer: PeerPattern;
  /** One packet of that peer's. @param fate see `FATE`; all watchers get the same array */
  tell(fate: Uint8Array): void;
  /** So many packets, perhaps of another's peer, were left out. */
  leaveOut(count: number): void;
  /** All that waited has been told. */
  flush(): void;
}

/**
 * Has the threads tell what becomes of the packets of those peers that somebody watches, each to whom
 * it concerns. While nobody does, neither a thread nor this one does anything.
 */
export class Observer {
  readonly #fates: Fates;
  readonly #servicePrefix: number;
  readonly #watchers = new Map<Watcher, FateMatch>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isLooking = false;

  /** @param servicePrefix upper 32 bits of what is a Teredo address */
  constructor(fates: Fates, servicePrefix: number) {
    this.#fates = fates;
    this.#servicePrefix = servicePrefix;
  }

  add(watcher: Watcher): void {
    // What waits is of those who watch already; with nobody, of nobody any more.
    this.#look();
    this.#watchers.set(watcher, new FateMatch([watcher.peer], this.#servicePrefix));
    this.#ask();
  }

  /** What waits is still told. */
  remove(watcher: Watcher): void {
    if (!this.#watchers.has(watcher)) return;
    this.#look();
    this.#watchers.delete(watcher);
    this.#ask();
  }

  #ask(): void {
    this.#fates.observe([...this.#watchers.keys()].map(({ peer }) => peer));
    clearInterval(this.#timer);
    this.#timer = this.#watchers.size === 0
      ? undefined
      : setInterval(() => this.#look(), LOOK_EVERY);
  }

  /** Who is told may go. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#tell();
    } finally {
      this.#isLooking = false;
    }
  }

  #tell(): void {
    const fates: Uint8Array[] = [];
    this.#fates.take((fate) => void fates.push(fate));
    // Of several threads, as it happened.
    fates.sort((a, b) => timeOf(a) - timeOf(b));
    for (const fate of fates) {
      for (const [watcher, match] of this.#watchers) {
        if (match.has(fate)) watcher.tell(fate);
      }
    }
    const lost = this.#fates.takeLost();
    for (const watcher of this.#watchers.keys()) {
      if (lost > 0) watcher.leaveOut(lost);
      watcher.flush();
    }
  }
}
