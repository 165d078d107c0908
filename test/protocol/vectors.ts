import { readFileSync } from "node:fs";

export interface Vector {
  readonly id: string;
  readonly desc: string;
  readonly len: number;
  readonly hex: string;
  readonly note: string;
}

export const VECTORS: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../data/teredo_vectors.json", import.meta.url), "utf8"),
);

export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s|]/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function toHex(b: Uint8Array, at = 0, length = b.length - at): string {
  let text = "";
  for (let i = at; i < at + length; i++) text += b[i]!.toString(16).padStart(2, "0");
  return text;
}

/** A fresh copy of the bytes of vector `id`. */
export function vector(id: string): Uint8Array {
  const found = VECTORS.find((v) => v.id === id);
  if (found === undefined) throw new Error(`No vector ${id}`);
  return fromHex(found.hex);
}

/** Who speaks in the vectors. */
export const SERVER = 0x4136e378; // 65.54.227.120
export const SECONDARY_SERVER = 0x4136e379; // 65.54.227.121
export const CLIENT = 0xc000022d; // 192.0.2.45
export const CLIENT_PORT = 40_000;
export const CLIENT_LOCAL = 0x0a000002; // 10.0.0.2
export const NONCE = fromHex("0102030405060708");
export const RELAY = 0xcb007109; // 203.0.113.9
export const RELAY_PORT = 3545;
