import { NFT_REG32_00, NFT_REG_4 } from "#ffi/linux/mod.ts";

/** Words of 4 bytes: one for the verdict and three unused, then the data. */
const WORDS = 20;

/** The registers of nf_tables, each byte of which is known or not. */
export class Registers {
  readonly #bytes = new Uint8Array(4 * WORDS);
  readonly #known = new Uint8Array(4 * WORDS);

  clear(): void {
    this.#known.fill(0);
  }

  /** Zeros follow up to a whole word, as in the kernel. */
  store(register: number, bytes: Uint8Array): void {
    const at = offsetOf(register);
    const end = Math.min(this.#bytes.length, at + Math.ceil(bytes.length / 4) * 4);
    this.#bytes.fill(0, at, end);
    this.#known.fill(1, at, end);
    this.#bytes.set(bytes.subarray(0, end - at), at);
  }

  storeU32(register: number, value: number): void {
    this.store(register, new Uint8Array(Uint32Array.of(value).buffer));
  }

  forget(register: number, length = 16): void {
    const at = offsetOf(register);
    this.#known.fill(0, at, at + length);
  }

  /** `length` bytes; undefined when one of them is not known. */
  read(register: number, length: number): Uint8Array | undefined {
    const at = offsetOf(register);
    if (at + length > this.#bytes.length) return undefined;
    for (let i = at; i < at + length; i++) if (this.#known[i] === 0) return undefined;
    return this.#bytes.slice(at, at + length);
  }
}

/** Both numberings name the same memory; one that names none leads behind all of it. */
function offsetOf(register: number): number {
  const at = register <= NFT_REG_4 ? 16 * register : 4 * (register - NFT_REG32_00) + 16;
  return at >= 0 && at < 4 * WORDS ? at : 4 * WORDS;
}

/** As memcmp(3) has it: below 0, 0 or above. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < b.length; i++) {
    const difference = (a[i] ?? 0) - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
