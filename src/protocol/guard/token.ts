import { copyBytes, equalInConstantTime, readU32, writeU32 } from "../wire/bytes.ts";
import { IPV6_LENGTH } from "../wire/ipv6.ts";
import type { KeyedHash, Millis } from "../time.ts";

/**
 * A token is accepted in the window it was made in and in the next: for 30 s at least. All repeats
 * of a bubble are out within 6 s, so the answer to any of them is in time.
 */
export const TOKEN_WINDOW: Millis = 30_000;

const TOKEN_LENGTH = 8;
const TOKEN_AT = IPV6_LENGTH - TOKEN_LENGTH;
/** Universal/local and group bits of an interface identifier. */
const UG_BITS = 0x03;

/**
 * Proof that an answer follows from a bubble of ours: the lower half of the bubble's source.
 *
 * A bubble leaves from fe80::/64 + token; the peer's answer goes to that address. The token is the
 * first eight bytes of a keyed hash over
 *
 *     the peer's Teredo address (16)   number of the time window (8)
 *
 * with the u and g bits clear, and with the lowest bit of the last byte telling whether the
 * window's number is odd. So nothing is stored for a bubble, an observer cannot use the token for
 * another peer or later, and one hash decides about an answer.
 */
export class Tokens {
  readonly #hash: KeyedHash;
  readonly #message = new Uint8Array(IPV6_LENGTH + 8);
  readonly #expected = new Uint8Array(TOKEN_LENGTH);

  /** @param hash at least eight bytes long, under a key from the kernel's random source */
  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  /** Writes at `at` the 16 bytes from which a bubble to the peer at `peerAt` leaves. */
  write(b: Uint8Array, at: number, peer: Uint8Array, peerAt: number, now: Millis): void {
    this.#make(peer, peerAt, windowAt(now));
    writeU32(b, at, 0xfe800000);
    writeU32(b, at + 4, 0);
    copyBytes(b, at + TOKEN_AT, this.#expected, 0, TOKEN_LENGTH);
  }

  /** Whether the 16 bytes at `at` are what {@link write} wrote for this peer not long ago. */
  matches(b: Uint8Array, at: number, peer: Uint8Array, peerAt: number, now: Millis): boolean {
    if (!mayBeToken(b, at)) return false;
    let window = windowAt(now);
    if ((window & 1) !== (b[at + IPV6_LENGTH - 1]! & 1)) window--;
    this.#make(peer, peerAt, window);
    return equalInConstantTime(b, at + TOKEN_AT, this.#expected, 0, TOKEN_LENGTH);
  }

  #make(peer: Uint8Array, peerAt: number, window: number): void {
    copyBytes(this.#message, 0, peer, peerAt, IPV6_LENGTH);
    writeU32(this.#message, IPV6_LENGTH, Math.floor(window / 0x1_0000_0000));
    writeU32(this.#message, IPV6_LENGTH + 4, window);
    copyBytes(this.#expected, 0, this.#hash(this.#message), 0, TOKEN_LENGTH);
    this.#expected[0]! &= ~UG_BITS;
    this.#expected[TOKEN_LENGTH - 1]! &= ~1;
    this.#expected[TOKEN_LENGTH - 1]! |= window & 1;
  }
}

/** Whether the address lies in fe80::/64, where tokens live. */
export function mayBeToken(b: Uint8Array, at: number): boolean {
  return readU32(b, at) === 0xfe800000 && readU32(b, at + 4) === 0;
}

function windowAt(now: Millis): number {
  return Math.floor(now / TOKEN_WINDOW);
}
