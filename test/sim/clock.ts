interface Entry {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that stands still until the next thing happens. Things of one time happen in order made. */
export class Clock {
  now: number;
  #order = 0;
  /** Binary heap. */
  readonly #entries: Entry[] = [];

  constructor(start: number) {
    this.now = start;
  }

  at(time: number, run: () => void): void {
    this.#entries.push({ time: Math.max(time, this.now), order: this.#order++, run });
    this.#up(this.#entries.length - 1);
  }

  after(delay: number, run: () => void): void {
    this.at(this.now + delay, run);
  }

  /** Lets all happen that is due until `end`. */
  runUntil(end: number): void {
    while (this.#entries.length > 0 && this.#entries[0]!.time <= end) {
      const entry = this.#pop();
      this.now = entry.time;
      entry.run();
    }
    this.now = end;
  }

  #pop(): Entry {
    const first = this.#entries[0]!;
    const last = this.#entries.pop()!;
    if (this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#down(0);
    }
    return first;
  }

  #up(i: number): void {
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (isBefore(this.#entries[parent]!, this.#entries[i]!)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #down(i: number): void {
    for (;;) {
      let first = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        const entry = this.#entries[child];
        if (entry !== undefined && isBefore(entry, this.#entries[first]!)) first = child;
      }
      if (first === i) return;
      this.#swap(i, first);
      i = first;
    }
  }

  #swap(i: number, j: number): void {
    const entry = this.#entries[i]!;
    this.#entries[i] = this.#entries[j]!;
    this.#entries[j] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
