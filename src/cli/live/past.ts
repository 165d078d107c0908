/** Seconds that sparklines go back. */
export const SPAN = 300;

/** What each of some values was in the last {@link SPAN} seconds, each a whole number; NaN: not known. */
export class Past {
  /** By value, then by second modulo the span. */
  readonly #rings: readonly Float64Array[];
  #newest = -Infinity;

  /** @param values how many */
  constructor(values: number) {
    this.#rings = Array.from({ length: values }, () => new Float64Array(SPAN).fill(NaN));
  }

  /** The last second that anything is known of; -Infinity: there is none. */
  get newest(): number {
    return this.#newest;
  }

  /** What the values were in a second, of which no later one is known. */
  add(second: number, values: readonly number[]): void {
    this.#rings.forEach((ring, i) => {
      const unknown = Math.max(this.#newest + 1, second - SPAN + 1);
      for (let at = unknown; at < second; at++) ring[at % SPAN] = NaN;
      ring[second % SPAN] = values[i]!;
    });
    this.#newest = second;
  }

  /** What a value was in the last second. */
  last(value: number): number {
    return this.#newest < 0 ? NaN : this.#rings[value]![this.#newest % SPAN]!;
  }

  /** The highest that a value was in the span up to `now`. */
  peak(value: number, now: number): number {
    const known = this.#known(value, now - SPAN + 1, now);
    return known.length === 0 ? NaN : Math.max(...known);
  }

  /**
   * The means of a value over equal times, the last of them with `now` in it, as many as the span has. They
   * begin where the clock's do, so that from one look to the next they move and do not change.
   *
   * @param most columns
   */
  columns(value: number, now: number, most: number): number[] {
    const step = Math.ceil(SPAN / most);
    const length = Math.floor(SPAN / step);
    const first = Math.floor(now / step) - length + 1;
    return Array.from({ length }, (_, i) => {
      const from = (first + i) * step;
      const known = this.#known(value, Math.max(from, now - SPAN + 1), from + step - 1);
      return known.reduce((sum, it) => sum + it, 0) / known.length;
    });
  }

  #known(value: number, from: number, to: number): number[] {
    const ring = this.#rings[value]!;
    const known: number[] = [];
    if (this.#newest === -Infinity) return known;
    for (let at = Math.max(from, this.#newest - SPAN + 1); at <= Math.min(to, this.#newest); at++) {
      if (!Number.isNaN(ring[at % SPAN])) known.push(ring[at % SPAN]!);
    }
    return known;
  }
}
