import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import { type Calls, LIBC, type Libc } from "./libc.ts";

const ARGUMENT = { i32: "i32", u32: "u32", u64: "u64", ptr: "ptr" } as const;
const RESULT = { i32: "i32", u32: "u32", ptr: "ptr", void: "void" } as const;

/** @throws if no library of that name is found, or a symbol is missing from it */
export function openLibc(path: string, errnoLocation: string): Libc {
  const table = Object.fromEntries(
    Object.entries(LIBC).map(([name, f]) => [
      name,
      { args: f.args.map((type) => ARGUMENT[type]), returns: RESULT[f.returns] },
    ]),
  );
  const { symbols } = dlopen(path, { ...table, [errnoLocation]: { args: [], returns: "ptr" } });
  // Thread-local, but fixed within a thread: looked up once, then only loaded from.
  const errnoAt = (symbols[errnoLocation] as unknown as () => Pointer)();
  return {
    call: symbols as unknown as Calls<typeof LIBC>,
    errno: () => read.i32(errnoAt, 0),
    addressOf: (bytes) => ptr(bytes),
  };
}
