import { Limiter } from "./limiter.ts";
import type { RelayOptions } from "../relay/contract.ts";
import type { Millis } from "../time.ts";
import { readU32 } from "../wire/bytes.ts";

export type NewPeersOptions = Pick<RelayOptions, "newPeerRate" | "bubbleRate">;

/** Part of all bubbles that new peers may cost for packets from one IPv6 /32. */
const PROVIDER_SHARE = 1 / 4;
const PROVIDERS = 4_096;

/**
 * How many new peers packets from where may bring. One costs an entry, a held packet and bubbles: one
 * network's scan must not fill the table, nor use up what others may send. RFC 4380 §7.3.5
 *
 * A /64 is one link, whose hosts have all its addresses to choose from; a /32 is what a provider
 * has, whose customers may have any number of links.
 */
export class NewPeers {
  readonly #ofLink: Limiter;
  readonly #ofProvider: Limiter;

  /** @param key0 with `key1`, random bits: which networks share a limit is not guessable */
  constructor({ newPeerRate, bubbleRate }: NewPeersOptions, key0: number, key1: number) {
    const ofProvider = bubbleRate * PROVIDER_SHARE;
    this.#ofLink = new Limiter(newPeerRate, newPeerRate, key0, key1);
    this.#ofProvider = new Limiter(ofProvider, ofProvider, key0, key1, PROVIDERS);
  }

  /** Other rates; what has been taken stays taken. */
  set({ newPeerRate, bubbleRate }: NewPeersOptions, now: Millis): void {
    const ofProvider = bubbleRate * PROVIDER_SHARE;
    this.#ofLink.set(newPeerRate, newPeerRate, now);
    this.#ofProvider.set(ofProvider, ofProvider, now);
  }

  /** Whether a packet from the IPv6 address at `at` may bring one; if so, it counts. */
  take(b: Uint8Array, at: number, now: Millis): boolean {
    const provider = readU32(b, at);
    return this.#ofLink.take(provider, readU32(b, at + 4), now) &&
      this.#ofProvider.take(provider, 0, now);
  }

  /** Whether {@link take} would allow it, which counts nothing. */
  has(b: Uint8Array, at: number, now: Millis): boolean {
    const provider = readU32(b, at);
    return this.#ofLink.has(provider, readU32(b, at + 4), now) &&
      this.#ofProvider.has(provider, 0, now);
  }
}
