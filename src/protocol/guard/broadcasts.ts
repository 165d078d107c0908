/** Broadcast addresses that can be set; see docs/limits.md. */
export const MAX_BROADCASTS = 512;

/** A power of two, at most half full. */
const CELLS = 1_024;
/** An odd number of 32 bits, from the golden ratio. */
const SPREAD = 0x9e3779b1;
const SHIFT = 22;

/**
 * The IPv4 broadcast addresses of the subnets that this host is attached to, which are no one's to
 * write from or to. RFC 4380 §5.2.4
 *
 * Asked for every packet: a hash with linear probing, in which 0 is an empty cell.
 */
export class Broadcasts {
  readonly #cells = new Uint32Array(CELLS);
  #isEmpty = true;

  has(address: number): boolean {
    if (this.#isEmpty) return false;
    for (let cell = home(address);; cell = (cell + 1) & (CELLS - 1)) {
      const here = this.#cells[cell]!;
      if (here === 0) return false;
      if (here === address) return true;
    }
  }

  /** @throws RangeError for more than {@link MAX_BROADCASTS} */
  replace(addresses: readonly number[]): void {
    if (addresses.length > MAX_BROADCASTS) {
      throw new RangeError(
        `At most ${MAX_BROADCASTS} broadcast addresses, not ${addresses.length}`,
      );
    }
    this.#cells.fill(0);
    for (const address of addresses) this.#add(address);
    this.#isEmpty = addresses.length === 0;
  }

  #add(address: number): void {
    let cell = home(address);
    while (this.#cells[cell] !== 0) cell = (cell + 1) & (CELLS - 1);
    this.#cells[cell] = address;
  }
}

function home(address: number): number {
  return Math.imul(address, SPREAD) >>> SHIFT;
}
