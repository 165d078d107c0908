import { copyBytes, equalInConstantTime } from "./bytes.ts";
import type { TeredoDatagram } from "./datagram.ts";

/** HMAC of `message` under `key`; the algorithm is the caller's (HMAC-SHA1 by default). */
export type Authenticate = (key: Uint8Array, message: Uint8Array) => Uint8Array;

/**
 * Secure qualification (RFC 4380 §5.2.2). What the value protects is
 *
 *     nonce (8) | confirmation (1) | origin indication, if any (8) | IPv6 packet
 *
 * which lie in this order, side by side, in every datagram: nothing has to be copied together.
 * Neither the client identifier nor trailers are covered.
 */

/** Whether the authentication value of the parsed datagram `d` in `b` is right under `key`. */
export function verifyAuthentication(
  b: Uint8Array,
  d: TeredoDatagram,
  key: Uint8Array,
  authenticate: Authenticate,
): boolean {
  const value = authenticate(key, b.subarray(d.nonceAt, d.trailersAt));
  return value.length === d.authenticationValueLength &&
    equalInConstantTime(value, 0, b, d.authenticationValueAt, value.length);
}

/**
 * Fills in the value of the authentication written at `at`, when all that follows it is written.
 *
 * @param end offset after the IPv6 packet; the value's length is the one the header says
 */
export function signAuthentication(
  b: Uint8Array,
  at: number,
  end: number,
  key: Uint8Array,
  authenticate: Authenticate,
): void {
  const valueAt = at + 4 + b[at + 2]!;
  const valueLength = b[at + 3]!;
  const value = authenticate(key, b.subarray(valueAt + valueLength, end));
  copyBytes(b, valueAt, value, 0, valueLength);
}
