import type { ClientHolds } from "./holds.ts";
import type { ClientParts } from "../parts.ts";
import { Links } from "../../peers/links.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** Part of the table that may be of strangers. */
const STRANGERS_SHARE = 1 / 2;
/** Most entries that are looked at for one that may give way. */
const LOOK_LIMIT = 1_024;
const STRANGERS = 0;

/**
 * Who has to give way in a full table: strangers before those whom our host wants, and those whom it waits
 * for to others such alone. RFC 4380 §7.3.3
 *
 * A stranger is to whom our host sent nothing before a packet of his, other than a bubble, was let in.
 */
export class Room {
  readonly #parts: ClientParts;
  readonly #holds: ClientHolds;
  readonly #strangers: Links;
  #count = 0;

  constructor(parts: ClientParts, holds: ClientHolds) {
    this.#parts = parts;
    this.#holds = holds;
    this.#strangers = new Links(parts.peers.capacity, 1);
  }

  /** Of a new entry. */
  enter(p: PeerId, isWanted: boolean): void {
    if (isWanted) return this.#parts.paths.setWanted(p);
    this.#strangers.append(STRANGERS, p);
    this.#count++;
  }

  /** Our host sends to the peer: he is no stranger, unless he was let in before. */
  want(p: PeerId): void {
    const { paths } = this.#parts;
    if (paths.isWanted(p) || paths.dataAt[p] !== -Infinity) return;
    this.leave(p);
    paths.setWanted(p);
  }

  /** Of an entry that is no more. */
  leave(p: PeerId): void {
    if (this.#parts.paths.isWanted(p)) return;
    this.#strangers.remove(STRANGERS, p);
    this.#count--;
  }

  /** @param isWanted whether our host wants the new one */
  isFull(isWanted: boolean): boolean {
    const { peers } = this.#parts;
    return peers.size === peers.capacity || (!isWanted && this.#isCrowded);
  }

  get #isCrowded(): boolean {
    return this.#count >= this.#parts.peers.capacity * STRANGERS_SHARE;
  }

  /** @returns whose entry is to go; {@link NO_PEER}: the new one has no place */
  giveWay(isWanted: boolean, now: Millis): PeerId {
    if (!this.#isCrowded) return this.#oldest(isWanted, now);
    if (!isWanted) return this.#silentStranger(now);
    const stranger = this.#anyStranger();
    return stranger === NO_PEER ? this.#oldest(isWanted, now) : stranger;
  }

  #isAwaited(p: PeerId): boolean {
    return this.#parts.peers.isResolving(p) && this.#holds.count(p) > 0;
  }

  #anyStranger(): PeerId {
    let p = this.#strangers.first(STRANGERS);
    for (let i = 0; i < LOOK_LIMIT && p !== NO_PEER; i++, p = this.#strangers.next(p)) {
      if (!this.#isAwaited(p)) return p;
    }
    return NO_PEER;
  }

  /** Those that are there are looked at again after all others: nobody hides behind them. */
  #silentStranger(now: Millis): PeerId {
    const { peers } = this.#parts;
    for (let i = Math.min(LOOK_LIMIT, this.#count); i > 0; i--) {
      const p = this.#strangers.first(STRANGERS);
      if (!peers.isValid(p, now) && !this.#isAwaited(p)) return p;
      this.#strangers.remove(STRANGERS, p);
      this.#strangers.append(STRANGERS, p);
    }
    return NO_PEER;
  }

  /** Of all by age, who is silent; for whom our host wants a stranger that is there, and at last who it waits for. */
  #oldest(isWanted: boolean, now: Millis): PeerId {
    const { peers, paths } = this.#parts;
    let awaited: PeerId = NO_PEER;
    let p = peers.first();
    for (let i = 0; i < LOOK_LIMIT && p !== NO_PEER; i++, p = peers.next(p)) {
      if (this.#isAwaited(p)) {
        if (awaited === NO_PEER) awaited = p;
      } else if (!peers.isValid(p, now) || (isWanted && !paths.isWanted(p))) return p;
    }
    return isWanted ? awaited : NO_PEER;
  }
}
