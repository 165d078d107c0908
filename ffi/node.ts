import process from "node:process";
import type { Layout } from "./layout.ts";
import { callsOf, type CType, type Libc, type LibcNames, symbolsOf } from "./libc.ts";
import { PlatformError } from "./platform.ts";

/** What this file needs of Node, declared here so that every checker can read it. */
interface NodeFfi {
  dlopen(path: string, symbols: Record<string, unknown>): { functions: Record<string, Native> };
  getRawPointer(bytes: Uint8Array<ArrayBuffer>): bigint;
  toArrayBuffer(address: bigint, length: number, copy: boolean): ArrayBuffer;
}
type Native = (...args: (number | bigint)[]) => number | bigint;

const TYPE = { i32: "i32", u32: "u32", u64: "u64", ptr: "pointer", void: "void" } as const;

/**
 * @throws PlatformError where this Node has no FFI
 * @throws if no library of that name is found, or a symbol is missing from it
 */
export function openLibc(path: string, names: LibcNames, layout: Layout): Libc {
  // Not imported: where it is missing, this says so better than the loader.
  const ffi = process.getBuiltinModule("node:ffi") as NodeFfi | undefined;
  if (ffi === undefined) {
    throw new PlatformError(
      `Node.js ${process.versions.node} has no node:ffi here: it takes Node.js 26.9 or newer, or ` +
        "26.1 to 26.8 with --experimental-ffi",
    );
  }
  const { errnoLocation } = names;
  const symbols = symbolsOf(names);
  const table = Object.fromEntries(
    symbols.map(({ symbol, args, returns }) => [
      symbol,
      { arguments: args.map((type) => TYPE[type]), return: TYPE[returns] },
    ]),
  );
  const { functions } = ffi.dlopen(path, {
    ...table,
    [errnoLocation]: { arguments: [], return: "pointer" },
  });
  // Thread-local, but fixed within a thread: mapped once, then a load of memory, with no call of the
  // runtime's that could set it anew.
  const errno = new Int32Array(
    ffi.toArrayBuffer(functions[errnoLocation]!() as bigint, Int32Array.BYTES_PER_ELEMENT, false),
  );
  const numeric = symbols.map(({ symbol, args }) => [symbol, ofNumbers(functions[symbol]!, args)]);
  return {
    layout,
    call: callsOf(names, Object.fromEntries(numeric)),
    has: (name) => !names.missing.includes(name),
    errno: () => errno[0]!,
    addressOf: (bytes) => Number(ffi.getRawPointer(bytes)),
  };
}

/**
 * A function that takes numbers, where Node wants a BigInt for whatever has 64 bits: that one is
 * garbage, and by how many arguments there are, so that no list of them is.
 */
function ofNumbers(call: Native, args: readonly CType[]): unknown {
  const [p, q, r, s, t, u] = args.map((type) => type === "ptr" || type === "u64");
  type N = number;
  const by = (long: boolean | undefined, value: N) => long === true ? BigInt(value) : value;
  return [
    () => call(),
    (a: N) => call(by(p, a)),
    (a: N, b: N) => call(by(p, a), by(q, b)),
    (a: N, b: N, c: N) => call(by(p, a), by(q, b), by(r, c)),
    (a: N, b: N, c: N, d: N) => call(by(p, a), by(q, b), by(r, c), by(s, d)),
    (a: N, b: N, c: N, d: N, e: N) => call(by(p, a), by(q, b), by(r, c), by(s, d), by(t, e)),
    (a: N, b: N, c: N, d: N, e: N, f: N) =>
      call(by(p, a), by(q, b), by(r, c), by(s, d), by(t, e), by(u, f)),
  ][args.length];
}
