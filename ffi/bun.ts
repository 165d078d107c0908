import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import type { Layout } from "./layout.ts";
import { callsOf, type Libc, type LibcNames, symbolsOf } from "./libc.ts";

const ARGUMENT = { i32: "i32", u32: "u32", u64: "u64", ptr: "ptr" } as const;
const RESULT = { i32: "i32", u32: "u32", ptr: "ptr", void: "void" } as const;

/** @throws if no library of that name is found, or a symbol is missing from it */
export function openLibc(path: string, names: LibcNames, layout: Layout): Libc {
  const { errnoLocation } = names;
  const table = Object.fromEntries(
    symbolsOf(names).map(({ symbol, args, returns }) => [
      symbol,
      { args: args.map((type) => ARGUMENT[type]), returns: RESULT[returns] },
    ]),
  );
  const { symbols } = dlopen(path, { ...table, [errnoLocation]: { args: [], returns: "ptr" } });
  // Thread-local, but fixed within a thread: looked up once, then only loaded from.
  const errnoAt = (symbols[errnoLocation] as unknown as () => Pointer)();
  return {
    layout,
    call: callsOf(names, symbols),
    has: (name) => !names.missing.includes(name),
    errno: () => read.i32(errnoAt, 0),
    addressOf: (bytes) => ptr(bytes),
    collectGarbage: () => Bun.gc(true),
  };
}
