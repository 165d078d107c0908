import { readU32 } from "../wire/bytes.ts";
import { halfSipHash } from "./half_sip_hash.ts";

/**
 * A number that stands for the /64 of the IPv6 address at `at`, as the key of a rate limit.
 *
 * A /64 is one link, whose hosts have all its addresses to choose from: a limit on less is none.
 *
 * @param key0 with `key1`, random bits: which networks share a number is not guessable
 */
export function sourceNetwork(b: Uint8Array, at: number, key0: number, key1: number): number {
  return halfSipHash(key0, key1, readU32(b, at), readU32(b, at + 4), 0, 0) >>> 0;
}
