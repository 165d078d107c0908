import type { Endpoint } from "#src/probe/contract.ts";
import { copyBytes, readU16, readU32, writeU16, writeU32 } from "#src/protocol/wire/bytes.ts";

/** The port of a STUN server that names none. RFC 8489 §18.6 */
export const STUN_PORT = 3478;
/** RFC 8489 §5; a server of RFC 3489 takes it for a part of the transaction. */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_LENGTH = 20;
const TRANSACTION_AT = 8;
export const TRANSACTION_LENGTH = 12;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;

/** RFC 8489 §18.3, RFC 5780 §9.1; the second of a pair is that of RFC 3489 §11.2. */
const MAPPED_ADDRESS = 0x0001;
const XOR_MAPPED_ADDRESS = 0x0020;
const CHANGE_REQUEST = 0x0003;
const OTHER_ADDRESS = 0x802c;
const CHANGED_ADDRESS = 0x0005;
const IPV4_FAMILY = 1;
const IPV4_ATTRIBUTE_LENGTH = 8;

/** From where an answer is asked for. RFC 5780 §7.2 */
export const CHANGE_NOTHING = 0;
export const CHANGE_PORT = 2;
export const CHANGE_BOTH = 6;

/** A binding request. RFC 8489 §5, RFC 5780 §7.2 */
export function bindingRequest(transaction: Uint8Array, change: number): Uint8Array {
  const attributes = change === CHANGE_NOTHING ? 0 : 8;
  const b = new Uint8Array(HEADER_LENGTH + attributes);
  writeU16(b, 0, BINDING_REQUEST);
  writeU16(b, 2, attributes);
  writeU32(b, 4, MAGIC_COOKIE);
  copyBytes(b, TRANSACTION_AT, transaction, 0, TRANSACTION_LENGTH);
  if (change === CHANGE_NOTHING) return b;
  writeU16(b, HEADER_LENGTH, CHANGE_REQUEST);
  writeU16(b, HEADER_LENGTH + 2, 4);
  writeU32(b, HEADER_LENGTH + 4, change);
  return b;
}

export interface Binding {
  readonly mapped: Endpoint;
  /** The server's other address and port; undefined: it has none. */
  readonly other: Endpoint | undefined;
}

/**
 * Reads a binding response to `transaction`.
 *
 * @returns undefined for everything else, malformed answers included
 */
export function readBinding(b: Uint8Array, transaction: Uint8Array): Binding | undefined {
  if (b.length < HEADER_LENGTH || readU16(b, 0) !== BINDING_SUCCESS) return undefined;
  if (readU32(b, 4) !== MAGIC_COOKIE) return undefined;
  for (let i = 0; i < TRANSACTION_LENGTH; i++) {
    if (b[TRANSACTION_AT + i] !== transaction[i]) return undefined;
  }
  const end = HEADER_LENGTH + readU16(b, 2);
  if (end > b.length) return undefined;
  const found = new Map<number, Endpoint>();
  for (let at = HEADER_LENGTH; at + 4 <= end;) {
    const [type, length] = [readU16(b, at), readU16(b, at + 2)];
    if (at + 4 + length > end) return undefined;
    const endpoint = endpointAt(b, at + 4, length);
    if (endpoint !== undefined && !found.has(type)) found.set(type, endpoint);
    at += 4 + ((length + 3) & ~3); // padded to words: RFC 8489 §14
  }
  const hidden = found.get(XOR_MAPPED_ADDRESS);
  const mapped = hidden === undefined ? found.get(MAPPED_ADDRESS) : unhide(hidden);
  const other = found.get(OTHER_ADDRESS) ?? found.get(CHANGED_ADDRESS);
  return mapped && { mapped, other };
}

function endpointAt(b: Uint8Array, at: number, length: number): Endpoint | undefined {
  if (length !== IPV4_ATTRIBUTE_LENGTH || b[at + 1] !== IPV4_FAMILY) return undefined;
  return { address: readU32(b, at + 4), port: readU16(b, at + 2) };
}

/** RFC 8489 §14.2 */
function unhide({ address, port }: Endpoint): Endpoint {
  return { address: (address ^ MAGIC_COOKIE) >>> 0, port: port ^ (MAGIC_COOKIE >>> 16) };
}
