import { type Libc } from "./libc.ts";

/** Every block starts on a cache line, which also serves any C type. */
const ALIGNMENT = 64;
/** Of a `WebAssembly.Memory`. */
const PAGE = 65_536;
/** What 32-bit offsets of WebAssembly reach. */
const MAX_PAGES = 65_536;

/**
 * Arenas that are open. An address in a C structure is no reference that a garbage collector sees:
 * without this, memory that only the kernel still knows would be freed.
 */
const open = new Set<Arena>();

/**
 * All memory that the kernel reads or writes: one `WebAssembly.Memory` with views over it.
 *
 * It can not grow, so its address never changes, unlike that of a typed array, which JavaScriptCore
 * moves; and WebAssembly code works on the same bytes, see `src/segments/checksum.ts`. Pointers in C
 * structures are `address(at)`, and every access from this side goes through the views by the same
 * offset `at`. Pages that were never touched cost no memory.
 *
 * Blocks are handed out once and live as long as the arena: one arena per thread, made at start. For the
 * few bytes of a few calls there is {@link Arena.plain}.
 */
export class Arena {
  readonly #memory: WebAssembly.Memory | undefined;
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u16: Uint16Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;
  readonly i32: Int32Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #base: number;
  readonly #length: number;
  #next = 0;
  readonly #undo: (() => void)[] = [];

  /**
   * @param length bytes, rounded up to 64 KiB; at most 4 GiB
   * @param isPlain see {@link Arena.plain}
   * @throws RangeError if `length` is beyond that, or there is no memory left
   */
  constructor(libc: Libc, length: number, isPlain = false) {
    const pages = Math.ceil(length / PAGE);
    if (!(pages > 0 && pages <= MAX_PAGES)) {
      throw new RangeError(`an arena cannot have ${length} bytes`);
    }
    this.#length = pages * PAGE;
    this.#memory = isPlain ? undefined : new WebAssembly.Memory({ initial: pages, maximum: pages });
    const buffer = this.#memory?.buffer ?? new ArrayBuffer(this.#length);
    open.add(this);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.#view = new DataView(buffer);
    // User space ends below 2^48 (2^52 with large addresses), so a number holds any address exactly.
    this.#base = libc.addressOf(this.u8);
  }

  /**
   * One without a `WebAssembly.Memory`, of which JavaScriptCore has few that are quick: for each more it
   * collects garbage, for 30 ms and longer. What an `ArrayBuffer` has stays where it is as well, but is
   * touched at once, and begins on no page or cache line: at a multiple of 16 bytes.
   */
  static plain(libc: Libc, length: number): Arena {
    return new Arena(libc, length, true);
  }

  /** For code that works on the same bytes; not of a plain one. */
  get memory(): WebAssembly.Memory {
    if (this.#memory === undefined) throw new TypeError("a plain arena has no WebAssembly.Memory");
    return this.#memory;
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

  /** Has `undo` called at {@link close}: until then pages of it are something else's. */
  onClose(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Lets the memory go once no view of it is left: the kernel may not hold an address any more. */
  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    open.delete(this);
  }
}
