import type { LeaseWay } from "./slots.ts";

/** Answers kept, a power of two: each pair of addresses has one place, which the last one takes. */
const BITS = 16;
const ROOM = 2 ** BITS;
/** Of the golden section: addresses that follow one another lie far apart. */
const SPREAD = 0x9e37_79b1;

/** Of an entry: their address, interface, MTU, next hop. */
const WIDTH = 4;
const INDEX_AT = 1;
const MTU_AT = 2;
const NEXT_HOP_AT = 3;

/**
 * What was said of the ways to addresses, in arrays of 1.25 MiB that are touched as they fill. It is
 * itself the answer that was found or is to be kept, until the next call.
 */
export class KnownWays implements LeaseWay {
  /** 0: by none. */
  index = 0;
  mtu = 0;
  nextHop = 0;
  readonly #entries = new Uint32Array(WIDTH * ROOM);
  /** Our address, which is never 0: there is no entry then. */
  readonly #locals = new Uint32Array(ROOM);

  /** @returns whether something was said, which the fields have then */
  find(address: number, local: number): boolean {
    const place = placeOf(address, local);
    const at = WIDTH * place;
    if (this.#locals[place] !== local || this.#entries[at] !== address) return false;
    this.index = this.#entries[at + INDEX_AT]!;
    this.mtu = this.#entries[at + MTU_AT]!;
    this.nextHop = this.#entries[at + NEXT_HOP_AT]!;
    return true;
  }

  /** Keeps what the fields have. */
  add(address: number, local: number): void {
    const place = placeOf(address, local);
    const at = WIDTH * place;
    this.#locals[place] = local;
    this.#entries[at] = address;
    this.#entries[at + INDEX_AT] = this.index;
    this.#entries[at + MTU_AT] = this.mtu;
    this.#entries[at + NEXT_HOP_AT] = this.nextHop;
  }

  clear(): void {
    this.#locals.fill(0);
  }
}

function placeOf(address: number, local: number): number {
  return Math.imul(Math.imul(local, SPREAD) ^ address, SPREAD) >>> (32 - BITS);
}
