/** Addresses remembered; the oldest gives way. */
const MOST = 8;
/** Turns until each is asked for again: it may have come back. */
const REST = 1_024;

/** Addresses of ours that the kernel sends nothing from any more: they have been taken off. */
export class LostSources {
  readonly #addresses = new Uint32Array(MOST);
  #next = 0;
  #rest = 0;

  add(address: number): void {
    this.#addresses[this.#next] = address;
    this.#next = (this.#next + 1) % MOST;
    this.#rest = REST;
  }

  has(address: number): boolean {
    if (this.#rest === 0 || address === 0) return false;
    for (let i = 0; i < MOST; i++) if (this.#addresses[i] === address) return true;
    return false;
  }

  /** A turn is over. */
  tick(): void {
    if (this.#rest === 0 || --this.#rest > 0) return;
    this.#addresses.fill(0);
  }
}
