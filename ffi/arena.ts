import { SyscallError } from "./errors.ts";
import { type Libc } from "./libc.ts";
import { MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "./linux.ts";

/** Every block starts on a cache line, which also serves any C type. */
const ALIGNMENT = 64;
const PAGE = 4096;

/**
 * All memory that the kernel reads or writes: one anonymous mapping with views over it.
 *
 * Its address never changes and no garbage collector owns it, unlike the memory of a typed array,
 * which JavaScriptCore moves. Pointers in C structures are therefore `address(at)`, and every access
 * from this side goes through the views by the same offset `at`.
 *
 * Blocks are handed out once and live as long as the arena: one arena per thread, made at start.
 */
export class Arena {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly #view: DataView;
  readonly #base: number;
  readonly #length: number;
  readonly #libc: Libc;
  #next = 0;

  /** @throws SyscallError if the kernel has no memory left */
  constructor(libc: Libc, length: number) {
    this.#libc = libc;
    this.#length = Math.ceil(length / PAGE) * PAGE;
    const access = PROT_READ | PROT_WRITE;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    // User space ends below 2^48 (2^52 with large addresses), so a number holds any address exactly.
    this.#base = Number(libc.call.mmap(0, this.#length, access, flags, -1, 0));
    if (this.#base === MAP_FAILED) {
      throw new SyscallError("mmap", `${this.#length} bytes`, libc.errno());
    }
    const memory = libc.memory(this.#base, this.#length);
    this.u8 = new Uint8Array(memory);
    this.u16 = new Uint16Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.#view = new DataView(memory);
  }

  /** Offset of `length` zeroed bytes. @throws RangeError when the arena is used up */
  take(length: number): number {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`an arena block cannot have ${length} bytes`);
    }
    const at = this.#next;
    const next = at + Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    if (next > this.#length) {
      throw new RangeError(`arena of ${this.#length} bytes has no ${length} left`);
    }
    this.#next = next;
    return at;
  }

  /** Address of offset `at`, for system calls and for pointers inside C structures. */
  address(at: number): number {
    return this.#base + at;
  }

  /** Stores a 64-bit value (a pointer, a size) in native byte order. `value` is below 2^53. */
  writeU64(at: number, value: number): void {
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(value / 0x100000000), true);
  }

  readU64(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x100000000;
  }

  /** Offset of a NUL-terminated copy of `text`, which stays as long as the arena: for start-up only. */
  cString(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.take(bytes.length + 1);
    this.u8.set(bytes, at);
    this.u8[at + bytes.length] = 0;
    return at;
  }

  /** Returns the memory to the kernel. No view may be touched afterwards. */
  close(): void {
    this.#libc.call.munmap(this.#base, this.#length);
  }
}
