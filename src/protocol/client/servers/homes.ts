import { copyBytes } from "../../wire/bytes.ts";
import { equalIpv6, IPV6_LENGTH } from "../../wire/ipv6.ts";
import type { Millis } from "../../time.ts";

/** Our Teredo addresses, the deprecated ones with it. */
export const HOMES_MAX = 4;
export const NO_HOME = -1;
/** A deprecated address goes when nothing has passed by it for so long. */
export const DEPRECATED_FOR: Millis = 300_000;

/**
 * Our Teredo addresses: the current one, and those of servers that fell silent, by which flows go
 * on as long as the mapping stands. Numbers stay the same while an address is there.
 */
export class Homes {
  /** Number of the current one; {@link NO_HOME}: there is none. */
  current: number = NO_HOME;
  readonly #bytes = Array.from({ length: HOMES_MAX }, () => new Uint8Array(IPV6_LENGTH));
  readonly #isThere = new Uint8Array(HOMES_MAX);
  readonly #usedAt = new Float64Array(HOMES_MAX);
  readonly #deprecatedAt = new Float64Array(HOMES_MAX);

  /** The 16 bytes of one, which do not change while it is there. */
  bytes(home: number): Uint8Array {
    return this.#bytes[home]!;
  }

  has(home: number): boolean {
    return this.#isThere[home] === 1;
  }

  /** Which of ours the 16 bytes at `at` are; {@link NO_HOME}: none. */
  find(b: Uint8Array, at: number): number {
    const { current } = this;
    if (current !== NO_HOME && equalIpv6(b, at, this.#bytes[current]!, 0)) return current;
    for (let home = 0; home < HOMES_MAX; home++) {
      if (this.#isThere[home] === 1 && equalIpv6(b, at, this.#bytes[home]!, 0)) return home;
    }
    return NO_HOME;
  }

  /**
   * A packet passed by a deprecated one.
   *
   * @param since when its flow began: who comes later does not keep the address
   */
  use(home: number, since: Millis, now: Millis): void {
    if (since <= this.#deprecatedAt[home]!) this.#usedAt[home] = now;
  }

  /**
   * The 16 bytes of `address` are ours from now on, and the current ones; the one before is deprecated.
   * Of too many the one longest unused goes.
   */
  enter(address: Uint8Array, now: Millis): void {
    let home = this.find(address, 0);
    if (home === NO_HOME) home = this.#takeSlot();
    // In use until now, however long ago it was entered.
    this.#retire(now);
    copyBytes(this.#bytes[home]!, 0, address, 0, IPV6_LENGTH);
    this.#isThere[home] = 1;
    this.#usedAt[home] = now;
    this.current = home;
  }

  #takeSlot(): number {
    let oldest = NO_HOME;
    for (let home = 0; home < HOMES_MAX; home++) {
      if (this.#isThere[home] === 0) return home;
      if (home === this.current) continue;
      if (oldest === NO_HOME || this.#usedAt[home]! < this.#usedAt[oldest]!) oldest = home;
    }
    return oldest;
  }

  /** There is no current one any more. */
  deprecate(now: Millis): void {
    this.#retire(now);
    this.current = NO_HOME;
  }

  #retire(now: Millis): void {
    const { current } = this;
    if (current === NO_HOME) return;
    this.#usedAt[current] = now;
    this.#deprecatedAt[current] = now;
  }

  /** The mapping is gone, and with it every address. RFC 4380 §5.2.5 */
  clear(): void {
    this.#isThere.fill(0);
    this.current = NO_HOME;
  }

  get hasDeprecated(): boolean {
    for (let home = 0; home < HOMES_MAX; home++) if (this.isDeprecated(home)) return true;
    return false;
  }

  isDeprecated(home: number): boolean {
    return home !== this.current && this.#isThere[home] === 1;
  }

  /** When the next deprecated one goes, if nothing passes by it. */
  nextExpiry(): Millis {
    let next = Infinity;
    for (let home = 0; home < HOMES_MAX; home++) {
      if (this.isDeprecated(home)) next = Math.min(next, this.#usedAt[home]! + DEPRECATED_FOR);
    }
    return next;
  }

  /** @returns whether one went */
  expire(now: Millis): boolean {
    let gone = false;
    for (let home = 0; home < HOMES_MAX; home++) {
      if (!this.isDeprecated(home) || now < this.#usedAt[home]! + DEPRECATED_FOR) continue;
      this.#isThere[home] = 0;
      gone = true;
    }
    return gone;
  }
}
