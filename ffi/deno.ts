import type { Layout } from "./layout.ts";
import { callsOf, type Libc, type LibcNames, symbolsOf } from "./libc.ts";

/** What this file needs of Deno, declared here so that every checker can read it. */
interface DenoFfi {
  dlopen(path: string, symbols: Record<string, unknown>): {
    symbols: Record<string, (...args: never[]) => unknown>;
  };
  UnsafePointer: {
    create(address: bigint): object | null;
    of(bytes: Uint8Array<ArrayBuffer>): object | null;
    value(pointer: object | null): bigint;
  };
  UnsafePointerView: new (pointer: object) => { getInt32(): number };
}

// Addresses travel as 64-bit numbers, not as Deno's pointer objects, which would be garbage per call.
const ARGUMENT = { i32: "i32", u32: "u32", u64: "usize", ptr: "usize" } as const;
const RESULT = { i32: "i32", u32: "u32", ptr: "usize", void: "void" } as const;

/** @throws if no library of that name is found, or a symbol is missing from it */
export function openLibc(path: string, names: LibcNames, layout: Layout): Libc {
  const ffi = (globalThis as unknown as { Deno: DenoFfi }).Deno;
  const { errnoLocation } = names;
  const table = Object.fromEntries(
    symbolsOf(names).map(({ symbol, args, returns }) => [
      symbol,
      { parameters: args.map((type) => ARGUMENT[type]), result: RESULT[returns] },
    ]),
  );
  const { symbols } = ffi.dlopen(path, {
    ...table,
    [errnoLocation]: { parameters: [], result: "usize" },
  });
  // Thread-local, but fixed within a thread: looked up once, then only loaded from.
  const errnoAt = ffi.UnsafePointer.create(BigInt((symbols[errnoLocation] as () => bigint)()));
  if (errnoAt === null) throw new Error(`${errnoLocation}() gave no address`);
  const errno = new ffi.UnsafePointerView(errnoAt);
  return {
    layout,
    call: callsOf(names, symbols),
    has: (name) => !names.missing.includes(name),
    errno: () => errno.getInt32(),
    addressOf: (bytes) => Number(ffi.UnsafePointer.value(ffi.UnsafePointer.of(bytes))),
  };
}
