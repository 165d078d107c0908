import { type Calls, LIBC, type Libc } from "./libc.ts";

/** What this file needs of Deno, declared here so that every checker can read it. */
interface DenoFfi {
  dlopen(path: string, symbols: Record<string, unknown>): {
    symbols: Record<string, (...args: never[]) => unknown>;
  };
  UnsafePointer: { create(address: bigint): object | null };
  UnsafePointerView: (new (pointer: object) => { getInt32(): number }) & {
    getArrayBuffer(pointer: object, length: number): ArrayBuffer;
  };
}

// Addresses travel as 64-bit numbers, not as Deno's pointer objects, which would be garbage per call.
const ARGUMENT = { i32: "i32", u32: "u32", u64: "usize", ptr: "usize" } as const;
const RESULT = { i32: "i32", u32: "u32", ptr: "usize", void: "void" } as const;

/** @throws if no library of that name is found, or a symbol is missing from it */
export function openLibc(path: string, errnoLocation: string): Libc {
  const ffi = (globalThis as unknown as { Deno: DenoFfi }).Deno;
  const table = Object.fromEntries(
    Object.entries(LIBC).map(([name, f]) => [
      name,
      { parameters: f.args.map((type) => ARGUMENT[type]), result: RESULT[f.returns] },
    ]),
  );
  const { symbols } = ffi.dlopen(path, {
    ...table,
    [errnoLocation]: { parameters: [], result: "usize" },
  });
  const pointer = (address: number | bigint) => {
    const made = ffi.UnsafePointer.create(BigInt(address));
    if (made === null) throw new RangeError("the null pointer has no memory behind it");
    return made;
  };
  // Thread-local, but fixed within a thread: looked up once, then only loaded from.
  const errno = new ffi.UnsafePointerView(
    pointer((symbols[errnoLocation] as () => bigint)()),
  );
  return {
    call: symbols as unknown as Calls<typeof LIBC>,
    errno: () => errno.getInt32(),
    memory: (address, length) => ffi.UnsafePointerView.getArrayBuffer(pointer(address), length),
  };
}
