import {
  NLA_TYPE_MASK,
  RTA_ALIGNTO,
  RTATTR_LEN_AT,
  RTATTR_TYPE_AT,
  SIZEOF_RTATTR,
} from "#ffi/linux/mod.ts";

/** The bodies of rtnetlink messages, in host byte order: a C structure, then attributes. */

/** A field of the structure: its offset, bytes and value. */
export type Field = readonly [at: number, width: 1 | 2 | 4, value: number];

/** A structure of `size` bytes whose other fields are zero, followed by `attributes`. */
export function message(size: number, fields: readonly Field[], ...attributes: Uint8Array[]) {
  const structure = new Uint8Array(size);
  const view = new DataView(structure.buffer);
  for (const [at, width, value] of fields) {
    if (width === 1) view.setUint8(at, value);
    else if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  }
  return joined([structure, ...attributes]);
}

/** A struct rtattr with its payload, padded to 4 bytes: length (2), type (2), payload. */
export function attribute(type: number, ...payload: Uint8Array[]): Uint8Array {
  const bytes = joined(payload);
  const out = new Uint8Array(align(SIZEOF_RTATTR + bytes.length));
  const view = new DataView(out.buffer);
  view.setUint16(RTATTR_LEN_AT, SIZEOF_RTATTR + bytes.length, true);
  view.setUint16(RTATTR_TYPE_AT, type, true);
  out.set(bytes, SIZEOF_RTATTR);
  return out;
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** The kernel wants interface names with their NUL. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * The attributes from `at` to the end of `bytes`, by type, as views of `bytes`.
 *
 * Of several of one type the last one stays. What is malformed ends the list.
 */
export function readAttributes(bytes: Uint8Array, at: number): Map<number, Uint8Array> {
  return new Map(attributesOf(bytes, at));
}

/** The attributes from `at` to the end of `bytes` in their order, for lists of one type. */
export function* attributesOf(bytes: Uint8Array, at: number): Generator<[number, Uint8Array]> {
  const view = viewOf(bytes);
  while (at + SIZEOF_RTATTR <= bytes.length) {
    const length = view.getUint16(at + RTATTR_LEN_AT, true);
    if (length < SIZEOF_RTATTR || at + length > bytes.length) break;
    const type = view.getUint16(at + RTATTR_TYPE_AT, true) & NLA_TYPE_MASK;
    yield [type, bytes.subarray(at + SIZEOF_RTATTR, at + length)];
    at += align(length);
  }
}

export function readU32(bytes: Uint8Array | undefined, at = 0): number | undefined {
  if (bytes === undefined || bytes.length < at + 4) return undefined;
  return viewOf(bytes).getUint32(at, true);
}

export function readString(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.slice(0, end < 0 ? bytes.length : end));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Attributes and messages alike start at multiples of 4. */
export function align(length: number): number {
  return (length + RTA_ALIGNTO - 1) & ~(RTA_ALIGNTO - 1);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
