import type { ClientHolds } from "./holds.ts";
import type { ClientParts } from "../parts.ts";
import { NO_PEER, type PeerId } from "../../peers/index.ts";
import type { Millis } from "../../time.ts";

/** Part of the table that may be of those whom nobody here has sent to before they came. */
const STRANGERS_SHARE = 1 / 2;
/** Most entries that are looked at for one that may give way. */
const LOOK_LIMIT = 1_024;

/**
 * Who has to give way in a full table: strangers before those whom our host wants, and those whom it waits
 * for to others such alone. RFC 4380 §7.3.3
 */
export class Room {
  readonly #parts: ClientParts;
  readonly #holds: ClientHolds;
  #strangers = 0;

  constructor(parts: ClientParts, holds: ClientHolds) {
    this.#parts = parts;
    this.#holds = holds;
  }

  /** Of a new entry. */
  enter(p: PeerId, isWanted: boolean): void {
    if (isWanted) this.#parts.paths.setWanted(p);
    else this.#strangers++;
  }

  /** Our host sends to the peer, of which nothing came before. */
  want(p: PeerId): void {
    const { paths } = this.#parts;
    if (paths.isWanted(p)) return;
    paths.setWanted(p);
    this.#strangers--;
  }

  /** Of an entry that is no more. */
  leave(p: PeerId): void {
    if (!this.#parts.paths.isWanted(p)) this.#strangers--;
  }

  /** @param isWanted whether our host wants the new one */
  isFull(isWanted: boolean): boolean {
    const { peers } = this.#parts;
    return peers.size === peers.capacity || (!isWanted && this.#isCrowded);
  }

  get #isCrowded(): boolean {
    return this.#strangers >= this.#parts.peers.capacity * STRANGERS_SHARE;
  }

  /** @returns whose entry is to go; {@link NO_PEER}: the new one has no place */
  giveWay(isWanted: boolean, now: Millis): PeerId {
    const { peers, paths } = this.#parts;
    const isCrowded = this.#isCrowded;
    let awaited: PeerId = NO_PEER;
    let p = peers.first();
    for (let i = 0; i < LOOK_LIMIT && p !== NO_PEER; i++, p = peers.next(p)) {
      if (peers.isResolving(p) && this.#holds.count(p) > 0) {
        if (awaited === NO_PEER) awaited = p;
        continue;
      }
      if (isCrowded && paths.isWanted(p)) continue;
      if (!peers.isValid(p, now) || (isWanted && !paths.isWanted(p))) return p;
    }
    return isWanted ? awaited : NO_PEER;
  }
}
