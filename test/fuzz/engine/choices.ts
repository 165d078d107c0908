/**
 * The choices that lead to one case, taken from an input's bytes: who makes cases from random numbers
 * (`test/sim/prng.ts`) makes them from an input just so, and a change of the input is one of the case.
 * Where the input is at its end, every choice is the first.
 */
export class Choices {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** Goes on with `length` bytes from `at`, which it does not copy. */
  take(bytes: Uint8Array, at = 0, length: number = bytes.length - at): this {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = Math.min(at + length, bytes.length);
    return this;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#at < this.#end ? this.#bytes[this.#at++]! : 0;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return ((this.u16() << 16) | this.u16()) >>> 0;
  }

  /** So many bytes of the input itself, or as many as are left. */
  bytes(length: number): Uint8Array {
    const from = this.#at;
    this.#at = Math.min(from + length, this.#end);
    return this.#bytes.subarray(from, this.#at);
  }

  /** As those of `Prng`. */
  next(): number {
    return this.u32() / 0x1_0000_0000;
  }

  below(end: number): number {
    if (end <= 1) return 0;
    return end <= 256 ? this.u8() % end : end <= 65_536 ? this.u16() % end : this.u32() % end;
  }

  between(low: number, high: number): number {
    return low + (this.u16() / 0x1_0000) * (high - low);
  }

  chance(probability: number): boolean {
    return this.u8() < 256 * probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
