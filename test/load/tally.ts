/** What became of a numbered series of packets, as its receiver saw it. */
export interface TallyResult {
  /** Distinct packets of the series. */
  readonly received: number;
  readonly duplicates: number;
  /** Packets that arrived after a later one of the same flow. */
  readonly reordered: number;
  /** Packets that are none of the series, or damaged. */
  readonly foreign: number;
}

/** Counts the packets of a series numbered from 0, each once: one bit a packet, one number a flow. */
export class Tally {
  received = 0;
  #duplicates = 0;
  #reordered = 0;
  #foreign = 0;
  readonly #total: number;
  readonly #seen: Uint8Array;
  readonly #latest: Int32Array;

  /** @param total packets in the series, `flows` the flows they are spread over */
  constructor(total: number, flows: number) {
    this.#total = total;
    this.#seen = new Uint8Array((total >> 3) + 1);
    this.#latest = new Int32Array(flows).fill(-1);
  }

  take(sequence: number, flow: number): void {
    if (!(sequence >= 0 && sequence < this.#total && flow >= 0 && flow < this.#latest.length)) {
      return this.takeForeign();
    }
    const bit = 1 << (sequence & 7);
    if (this.#seen[sequence >> 3]! & bit) {
      this.#duplicates++;
      return;
    }
    this.#seen[sequence >> 3]! |= bit;
    this.received++;
    if (sequence < this.#latest[flow]!) this.#reordered++;
    else this.#latest[flow] = sequence;
  }

  takeForeign(): void {
    this.#foreign++;
  }

  get isComplete(): boolean {
    return this.received === this.#total;
  }

  result(): TallyResult {
    return {
      received: this.received,
      duplicates: this.#duplicates,
      reordered: this.#reordered,
      foreign: this.#foreign,
    };
  }
}
