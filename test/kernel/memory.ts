import { EFAULT } from "#ffi/posix.ts";
import { Errno } from "./errno.ts";

/** Where the memories of a paper process start; far from 0, and from what 32 bits hold. */
const FIRST = 0x7f00_0000_0000;
/** Nothing lies between two memories, so that what runs over the end of one is seen. */
const GAP = 0x10_0000;

interface Region {
  readonly base: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The memory that pointers in arguments and structures lead to: of a process of paper, whose
 * addresses are made up, or of this one, whose addresses are the machine's.
 */
export class Memory {
  /** Accesses to what is no memory: `8 bytes at 0x10`. */
  readonly faults: string[] = [];
  readonly #regions: Region[] = [];
  #next = FIRST;

  /** Gives the memory of `bytes` an address. @returns that of the first of `bytes` */
  place(bytes: Uint8Array<ArrayBuffer>): number {
    const known = this.#regions.find((region) => region.bytes.buffer === bytes.buffer);
    if (known !== undefined) return known.base + bytes.byteOffset;
    const base = this.#next;
    this.#next += Math.ceil(bytes.buffer.byteLength / GAP) * GAP + GAP;
    this.add(bytes, base + bytes.byteOffset);
    return base + bytes.byteOffset;
  }

  /** Makes known that the first of `bytes` lies at `address`. */
  add(bytes: Uint8Array<ArrayBuffer>, address: number): void {
    const whole = new Uint8Array(bytes.buffer);
    const base = address - bytes.byteOffset;
    // The engine may have put another memory where one was that is gone.
    const other = this.#regions.findIndex((it) =>
      it.base < base + whole.length && base < it.base + it.bytes.length
    );
    if (other >= 0) this.#regions.splice(other, 1);
    this.#regions.push({ base, bytes: whole });
  }

  /** The bytes there, not a copy of them. @throws Errno EFAULT, and keeps a fault */
  view(address: number, length: number): Uint8Array<ArrayBuffer> {
    for (const { base, bytes } of this.#regions) {
      const at = address - base;
      if (at >= 0 && at + length <= bytes.length) return bytes.subarray(at, at + length);
    }
    this.faults.push(`${length} bytes at 0x${address.toString(16)}`);
    throw new Errno(EFAULT);
  }

  /** A NUL-terminated string. @throws Errno EFAULT */
  string(address: number): string {
    const region = this.#regions.find(({ base, bytes }) =>
      address >= base && address < base + bytes.length
    );
    const rest = region?.bytes.subarray(address - region.base);
    const end = rest?.indexOf(0) ?? -1;
    return textOf(this.view(address, end < 0 ? Infinity : end));
  }

  dataView(address: number, length: number): DataView<ArrayBuffer> {
    return dataViewOf(this.view(address, length));
  }

  u32(address: number): number {
    return this.dataView(address, 4).getUint32(0, true);
  }

  i32(address: number): number {
    return this.dataView(address, 4).getInt32(0, true);
  }

  /** A pointer or a size below 2^53. */
  u64(address: number): number {
    const view = this.dataView(address, 8);
    return view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
  }
}

export function dataViewOf(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Text up to the first NUL, if there is one. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? bytes.length : end));
}
