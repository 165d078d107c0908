import type { Arena } from "#ffi/arena.ts";

/** Packets taken from the kernel in one go. */
export const BATCH = 64;
/** Free bytes before each packet: room for an origin indication, or TUN's header, in place. */
export const HEADROOM = 64;
/** The longest packet: an IPv6 header and 65,535 bytes, in whole cache lines. */
export const CAPACITY = 65_600;
/**
 * Distance between slots. Not a multiple of a page: equal low address bits would put the headers of
 * all slots into the same few cache sets.
 */
const STRIDE = HEADROOM + CAPACITY + 192;

/**
 * One slab of {@link BATCH} slots in the arena, made once:
 *
 *     slot i:  headroom (64) | packet (up to 65,600) | spacing (192)
 *
 * Untouched pages of it cost no memory.
 */
export class Frames {
  readonly bytes: Uint8Array;
  readonly #start: number;

  constructor(arena: Arena) {
    this.bytes = arena.u8;
    this.#start = arena.take(Frames.size);
  }

  static readonly size: number = STRIDE * BATCH;

  /** Offset of the packet in slot `i`; {@link HEADROOM} bytes before it are free. */
  at(i: number): number {
    return this.#start + STRIDE * i + HEADROOM;
  }
}

/**
 * Memory for what must stay until it is flushed but has no slot: bubbles, released packets, headers
 * of segments. Emptied as a whole.
 */
export class Scratch {
  readonly #start: number;
  readonly #length: number;
  #used = 0;

  /** @param length bytes of the arena to use; at least one {@link CAPACITY} */
  constructor(arena: Arena, length: number) {
    this.#length = length;
    this.#start = arena.take(length);
  }

  /** Offset in the arena of `length` bytes, or -1 when there is no room until {@link clear}. */
  take(length: number): number {
    const at = this.#start + this.#used;
    const used = this.#used + ((length + 7) & ~7);
    if (used > this.#length) return -1;
    this.#used = used;
    return at;
  }

  clear(): void {
    this.#used = 0;
  }
}
