import type { Arena } from "#ffi/arena.ts";

/** Packets taken from the kernel in one go. */
export const BATCH = 64;
/** Free bytes before each packet: room for an origin indication or authentication in place. */
export const HEADROOM = 64;
/** The longest packet: an IPv6 packet or UDP payload never exceeds it. */
export const CAPACITY = 65_536;
/**
 * Distance between slots. Not a multiple of a page: equal low address bits would put the headers of
 * all slots into the same few cache sets.
 */
const STRIDE = HEADROOM + CAPACITY + 192;

/**
 * One slab of {@link BATCH} slots in the arena, made once:
 *
 *     slot i:  headroom (64) | packet (up to 65,536) | spacing (192)
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
 * Copies of packets that must stay until they are flushed but lie in memory which does not: bubbles,
 * released packets. Emptied as a whole.
 */
export class Scratch {
  readonly #arena: Arena;
  readonly #start: number;
  readonly #length: number;
  #used = 0;

  /** @param length bytes of the arena to use; at least one {@link CAPACITY} */
  constructor(arena: Arena, length: number) {
    this.#arena = arena;
    this.#length = length;
    this.#start = arena.take(length);
  }

  /** Offset of the copy in the arena, or -1 when there is no room until {@link clear}. */
  copy(b: Uint8Array, at: number, length: number): number {
    if (this.#used + length > this.#length) return -1;
    const to = this.#start + this.#used;
    const target = this.#arena.u8;
    for (let i = 0; i < length; i++) target[to + i] = b[at + i]!;
    this.#used += (length + 7) & ~7;
    return to;
  }

  clear(): void {
    this.#used = 0;
  }
}
