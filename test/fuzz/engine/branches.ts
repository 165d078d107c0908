/**
 * How often each branch of the program was taken since this was cleared: one byte a branch, counted by
 * the instrumented sources themselves (`instrument.ts`), and one for each thing that a target marks.
 *
 * It hangs on the global object, as the sources that are instrumented import nothing for it.
 */
const MOST = 1 << 16;
export const TAKEN: Uint8Array =
  ((globalThis as Record<string, unknown>)["takenBranches"] ??= new Uint8Array(MOST)) as Uint8Array;
const WORDS = new Uint32Array(TAKEN.buffer);

let reserved = 0;

/** Places for so many branches more. @returns the first */
export function reserve(count: number): number {
  const first = reserved;
  reserved += count;
  if (reserved > MOST) throw new RangeError(`more than ${MOST} branches`);
  return first;
}

/** What a target sees of code that is not ours to instrument, such as the kernel's programs. */
export function mark(place: number): void {
  TAKEN[place]!++;
}

/** Once, twice, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127 or more often: a bit each. */
const BUCKETS = Uint8Array.from({ length: 256 }, (_, n) => {
  if (n < 4) return n === 0 ? 0 : 1 << (n - 1);
  return n < 8 ? 8 : n < 16 ? 16 : n < 32 ? 32 : n < 128 ? 64 : 128;
});

/** What has been seen of all branches. */
export class Coverage {
  readonly #seen = new Uint8Array(MOST);
  /** Branches that were taken at all. */
  covered = 0;

  get all(): number {
    return reserved;
  }

  /** Looks at what one execution took, and clears it. @returns whether something of it is new */
  take(): boolean {
    let isNew = false;
    const words = (reserved + 3) >> 2;
    for (let w = 0; w < words; w++) {
      if (WORDS[w] === 0) continue;
      for (let i = 4 * w; i < 4 * w + 4; i++) {
        const bits = BUCKETS[TAKEN[i]!]!;
        if (bits === 0 || (this.#seen[i]! & bits) !== 0) continue;
        if (this.#seen[i] === 0) this.covered++;
        this.#seen[i]! |= bits;
        isNew = true;
      }
      WORDS[w] = 0;
    }
    return isNew;
  }
}
