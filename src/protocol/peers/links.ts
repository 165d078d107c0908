/**
 * Doubly linked lists of ids 1..capacity, many lists over one pair of arrays.
 *
 * An id is in one list at most; 0 stands for none. Nothing is written before first use, so that a
 * large capacity costs memory only for the ids in use.
 */
export class Links {
  readonly #next: Uint32Array;
  readonly #previous: Uint32Array;
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;

  constructor(capacity: number, lists: number) {
    this.#next = new Uint32Array(capacity + 1);
    this.#previous = new Uint32Array(capacity + 1);
    this.#first = new Uint32Array(lists);
    this.#last = new Uint32Array(lists);
  }

  first(list: number): number {
    return this.#first[list]!;
  }

  next(id: number): number {
    return this.#next[id]!;
  }

  append(list: number, id: number): void {
    const last = this.#last[list]!;
    this.#next[id] = 0;
    this.#previous[id] = last;
    this.#last[list] = id;
    if (last === 0) this.#first[list] = id;
    else this.#next[last] = id;
  }

  /** `id` must be in `list`. */
  remove(list: number, id: number): void {
    const next = this.#next[id]!;
    const previous = this.#previous[id]!;
    if (previous === 0) this.#first[list] = next;
    else this.#next[previous] = next;
    if (next === 0) this.#last[list] = previous;
    else this.#previous[next] = previous;
  }
}
