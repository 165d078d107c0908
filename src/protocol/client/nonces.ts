import { readU32, writeU32 } from "../wire/bytes.ts";
import { NONCE_LENGTH } from "../wire/datagram.ts";
import { RANDOM_FLAGS } from "../wire/teredo_address.ts";
import type { ClientOptions } from "./contract.ts";
import type { KeyedHash } from "../time.ts";

/**
 * What must not be guessed: nonces, the random bits of an address (RFC 5991 §4), times at random. A
 * keyed hash over a counter, so that this code needs no generator; who knows some of them cannot
 * tell another.
 */
export class Nonces {
  readonly #hash: KeyedHash;
  /** The seed, and a counter of 64 bits. */
  readonly #message = new Uint8Array(12);
  readonly #bytes = new Uint8Array(NONCE_LENGTH);
  #low = 0;
  #high = 0;

  /**
   * @param hash under a key from the kernel's random source
   * @param seed random, so that no other client under the same hash draws the same
   */
  constructor(hash: KeyedHash, seed: number) {
    this.#hash = hash;
    writeU32(this.#message, 0, seed);
  }

  /** Eight bytes, the caller's to read until the next are drawn. */
  draw(): Uint8Array {
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high++;
    writeU32(this.#message, 4, this.#high);
    writeU32(this.#message, 8, this.#low);
    const drawn = this.#hash(this.#message);
    for (let i = 0; i < NONCE_LENGTH; i++) this.#bytes[i] = drawn[i]!;
    return this.#bytes;
  }

  draw32(): number {
    return readU32(this.draw(), 0);
  }

  /**
   * The 12 random bits of the flags of a mapping's Teredo address. Those of an earlier run by the same
   * mapping are as random as new ones. RFC 5991 §3.1
   */
  flags(address: number, port: number, remembered: ClientOptions["remembered"]): number {
    const isSame = remembered?.address === address && remembered.port === port;
    return (isSame ? remembered.flags : this.draw32()) & RANDOM_FLAGS;
  }

  /** Evenly from `low` up to, but not, `high`. */
  between(low: number, high: number): number {
    return low + (high - low) * (this.draw32() / 0x1_0000_0000);
  }
}
