import type { Clock } from "#src/daemon/client/clock.ts";
import type { Millis } from "#src/protocol/time.ts";

/** A clock that goes when it is told to. */
export class FakeClock implements Clock {
  #now: Millis = 0;
  #waiting: { readonly at: Millis; readonly step: () => void }[] = [];

  now(): Millis {
    return this.#now;
  }

  after(delay: Millis, step: () => void): () => void {
    const entry = { at: this.#now + delay, step };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter((it) => it !== entry);
    };
  }

  /** Goes on, step by step, each followed by whatever promises it settles. */
  async pass(time: Millis): Promise<void> {
    const end = this.#now + time;
    for (;;) {
      await settle();
      const next = this.#waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((it) => it !== next);
      this.#now = next.at;
      next.step();
    }
    this.#now = end;
  }
}

/** Lets promises that can settle do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
